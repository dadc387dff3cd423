import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Reverter } from '../effects/reverter.ts';
import type { Runner } from '../effects/runner.ts';
import { mountTmpfs } from '../host/tmpfs.ts';

/** Directories of one move on one node. */
export interface JobDir {
  /** `<run dir>/jobs/<job>/<side>`: hooks, logs, criu's socket. */
  readonly own: string;
  /** CRIU images, on a tmpfs of this side alone. */
  readonly images: string;
  /** Another directory on the same tmpfs. */
  readonly beside: (name: string) => string;
}

/**
 * Mounts a tmpfs of at most `imageBytes` (memory is used only as files come) for the images in one side's directory, which
 * the journal has made. Undone by the reverter. @throws GodwitError HOST_FAILED
 */
export async function makeJobDir(
  runner: Runner,
  reverter: Reverter,
  { own, imageBytes }: { readonly own: string; readonly imageBytes: number },
): Promise<JobDir> {
  const tmpfs = tmpfsOf(own);
  const images = join(tmpfs, 'images');
  reverter.add('the image tmpfs', await mountTmpfs(runner, tmpfs, imageBytes));
  try {
    await mkdir(images, { mode: 0o700 });
  } catch (error) {
    throw new GodwitError('HOST_FAILED', { action: `making ${images}`, problem: (error as Error).message });
  }
  return { own, images, beside: (name) => join(tmpfs, name) };
}

/** Where the images of one side are mounted. */
export function tmpfsOf(own: string): string {
  return join(own, 'tmpfs');
}

/** Where the images of round `index` (from 1) are, on either side. */
export function roundDir(dir: JobDir, index: number): string {
  return join(dir.beside('rounds'), String(index));
}

/** The same as criu wants it: relative to the next round's directory, or to that of the final dump. */
export function roundLink(index: number, seenFrom: 'round' | 'final'): string {
  return seenFrom === 'round' ? `../${index}` : `../rounds/${index}`;
}
