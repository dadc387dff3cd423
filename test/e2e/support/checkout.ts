import { basename, dirname, join } from 'node:path';

const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');

/** The checkout, whether this runs from its sources (vitest) or from `dist/`. */
export const checkout = basename(root) === 'dist' ? dirname(root) : root;

/** A compiled program of this checkout. */
export function compiled(source: string): string {
  return join(checkout, 'dist', source.replace(/\.ts$/, '.js'));
}
