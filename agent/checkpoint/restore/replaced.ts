import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { usersOf } from '../../preflight/users.ts';
import { removeTree } from '../../rootfs/mod.ts';

/** As the random ids of jobs are. */
const JOB = /^[a-z0-9]+$/;

/** Where that stays which a restore has replaced: nothing of godwit's looks there, so that nothing builds on it or takes it away. */
export const replacedAt = (root: string, job: string): string => `${root}.replaced-${job}`;

/**
 * Of what restores have left beside a directory only as many of the newest stay as the node is set to; without a setting all do. What a
 * container of the node uses meanwhile is not touched. @throws GodwitError HOST_FAILED
 */
export async function trimReplaced(
  { config, runner, containers, log }: Pick<Agent, 'config' | 'runner' | 'containers' | 'log'>,
  root: string,
): Promise<void> {
  const { replaced } = config.checkpoints;
  if (replaced === undefined) return;
  const specs = containers.list().map(({ spec }) => spec);
  for (const path of (await leftBeside(root)).slice(replaced)) {
    if (usersOf(path, { name: '' }, specs).length > 0) continue;
    log.info({ path }, 'what an earlier restore had replaced is removed');
    await removeTree(runner, path);
  }
}

/** Newest first: a rename sets the ctime. */
async function leftBeside(root: string): Promise<string[]> {
  const start = replacedAt(basename(root), '');
  const names = await readdir(dirname(root)).catch((error: unknown) => {
    throw hostFailed(`looking at ${dirname(root)}`, error);
  });
  const found = names.filter((name) => name.startsWith(start) && JOB.test(name.slice(start.length)));
  const dated = await Promise.all(
    found.map(async (name) => {
      const path = join(dirname(root), name);
      const status = await lstat(path).catch(() => undefined);
      return status?.isDirectory() ? [{ path, ctimeMs: status.ctimeMs }] : [];
    }),
  );
  return dated
    .flat()
    .sort((a, b) => b.ctimeMs - a.ctimeMs)
    .map(({ path }) => path);
}
