import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reverter } from '../../effects/reverter.ts';
import { hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { removeTree } from '../../rootfs/mod.ts';

/** Below an agent's state directory: copies of directories of containers that run on while their checkpoint is written. */
const STAGING = 'staging';

/** A directory on this node's disk for the copies of one job. @throws GodwitError HOST_FAILED */
export async function makeStaging(
  { config, runner }: Pick<Agent, 'config' | 'runner'>,
  reverter: Reverter,
  job: string,
): Promise<string> {
  const dir = join(config.stateDir, STAGING, job);
  reverter.add('the staged copies', () => removeTree(runner, dir));
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw hostFailed(`making ${dir}`, error);
  });
  return dir;
}

/** Removes what jobs that do not run any more have left. Returns their paths. @throws GodwitError HOST_FAILED */
export async function sweepStaging(
  { config, runner }: Pick<Agent, 'config' | 'runner'>,
  isRunning: (job: string) => boolean,
): Promise<string[]> {
  const home = join(config.stateDir, STAGING);
  const left = (await readdir(home).catch(() => [])).filter((job) => !isRunning(job));
  const paths = left.map((job) => join(home, job));
  for (const path of paths) await removeTree(runner, path);
  return paths;
}
