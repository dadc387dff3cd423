import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Reverter } from '../effects/reverter.ts';
import { mountTmpfs } from '../host/tmpfs.ts';
import type { Agent } from './agent.ts';

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
 * Makes `<run dir>/jobs/<job>/<side>` with a tmpfs for images of at most `imageBytes` (memory is used only as files
 * come). Both are undone by the reverter. @throws GodwitError HOST_FAILED
 */
export async function makeJobDir(
  agent: Agent,
  reverter: Reverter,
  options: { readonly job: string; readonly side: 'source' | 'target'; readonly imageBytes: number },
): Promise<JobDir> {
  const { runner, config } = agent;
  const job = join(config.runDir, 'jobs', options.job);
  const own = join(job, options.side);
  const tmpfs = join(own, 'tmpfs');
  const images = join(tmpfs, 'images');
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    reverter.add('the job directory', () => rm(job, { recursive: true, force: true }));
    reverter.add('the image tmpfs', await mountTmpfs(runner, tmpfs, options.imageBytes));
    await mkdir(images, { mode: 0o700 });
  } catch (error) {
    if (error instanceof GodwitError) throw error;
    throw new GodwitError('HOST_FAILED', { action: `making ${own}`, problem: (error as Error).message });
  }
  return { own, images, beside: (name) => join(tmpfs, name) };
}

/** Where the images of round `index` (from 1) are, on either side. */
export function roundDir(dir: JobDir, index: number): string {
  return join(dir.beside('rounds'), String(index));
}

/** The same as criu wants it: relative to the next round's directory, or to that of the final dump. */
export function roundLink(index: number, seenFrom: 'round' | 'final'): string {
  return seenFrom === 'round' ? `../${index}` : `../rounds/${index}`;
}
