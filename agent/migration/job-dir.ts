import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Reverter } from '../effects/reverter.ts';
import { mountTmpfs } from '../host/tmpfs.ts';
import type { Agent } from './agent.ts';

/** Directories of one move on one node. */
export interface JobDir {
  /** `<run dir>/jobs/<job>/<side>`: hooks and logs. */
  readonly own: string;
  /** CRIU images, a tmpfs of their own. */
  readonly images: string;
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
  const images = join(own, 'images');
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new GodwitError('HOST_FAILED', { action: `making ${own}`, problem: (error as Error).message });
  }
  reverter.add('the job directory', () => rm(job, { recursive: true, force: true }));
  reverter.add('the image tmpfs', await mountTmpfs(runner, images, options.imageBytes));
  return { own, images };
}
