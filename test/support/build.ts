import { execFileSync } from 'node:child_process';

const SETUP = new URL('../../deploy/setup/build', import.meta.url).pathname;

/**
 * Compiles the tree, so that tests run what a user runs. Only when a source is newer, and by one caller at a time: what other
 * test files run meanwhile is not written again.
 */
export function buildTree(): void {
  execFileSync(SETUP, { stdio: 'pipe' });
}
