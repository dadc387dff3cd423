import { lstat, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Turns } from '../../effects/turns.ts';
import { hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { removeTree } from '../../rootfs/mod.ts';
import { type Cluster, usersOfReplaced } from './replaced-users.ts';

/** As the random ids of jobs are; other names are somebody's own. */
const JOB = /^[a-z0-9]{12}$/;

/** A directory that an earlier restore has left, or begun to remove. */
interface Left {
  readonly path: string;
  readonly job: string;
  readonly ctimeMs: number;
}

type Trimming = Cluster & Pick<Agent, 'config' | 'runner' | 'log'>;

/** One after the other: two would remove the same ones. */
const turns = new Turns();

/** Where that stays which a restore has replaced: nothing of godwit's looks there, so that nothing builds on it or takes it away. */
export const replacedAt = (root: string, job: string): string => `${root}.replaced-${job}`;

/** It is not whole any more, and counts no longer. */
const removingAt = (root: string, job: string): string => `${root}.removing-${job}`;

/**
 * Of what restores have left beside these directories only as many of the newest stay as the node is set to, and what `job` has
 * replaced is always one of them; without a setting all do. What somebody may use meanwhile stays, and all of it when that is not
 * known. Never rejects: what stays is in the log. `proc` is where the kernel tells of tasks.
 */
export async function trimReplaced(
  agent: Trimming,
  roots: readonly string[],
  job: string,
  proc?: string,
): Promise<void> {
  if (agent.config.checkpoints.replaced === undefined) return;
  await turns.inTurn('trim', async () => {
    for (const root of roots)
      await trim(agent, root, job, proc).catch((err: unknown) =>
        agent.log.warn({ job, root, err }, 'what earlier restores have replaced stays'),
      );
  });
}

async function trim(agent: Trimming, root: string, ownJob: string, proc?: string): Promise<void> {
  const { config, runner, log } = agent;
  const begun = await leftBeside(root, removingAt);
  const whole = await leftBeside(root, replacedAt);
  const own = whole.filter(({ job }) => job === ownJob);
  const others = whole.filter(({ job }) => job !== ownJob);
  const old = others.slice((config.checkpoints.replaced ?? others.length) - own.length);
  if (begun.length + old.length === 0) return;
  const isUsed = await usersOfReplaced(agent, proc);
  for (const { path, job } of [...begun, ...old]) {
    try {
      if (await isUsed(path, job)) continue;
      log.info({ path }, 'what an earlier restore had replaced is removed');
      const doomed = removingAt(root, job);
      if (path !== doomed) await rename(path, doomed);
      await removeTree(runner, doomed);
    } catch (err) {
      log.warn({ path, err }, 'what an earlier restore had replaced stays');
    }
  }
}

/** Newest first: a rename sets the ctime, as does whatever is changed at the top of it afterwards. */
async function leftBeside(root: string, at: typeof replacedAt): Promise<Left[]> {
  const start = at(basename(root), '');
  const names = await readdir(dirname(root)).catch((error: unknown) => {
    throw hostFailed(`looking at ${dirname(root)}`, error);
  });
  const found = names.filter((name) => name.startsWith(start) && JOB.test(name.slice(start.length)));
  const dated = await Promise.all(
    found.map(async (name) => {
      const path = join(dirname(root), name);
      const status = await lstat(path).catch(() => undefined);
      const job = name.slice(start.length);
      return status?.isDirectory() ? [{ path, job, ctimeMs: status.ctimeMs }] : [];
    }),
  );
  return dated.flat().sort((a, b) => b.ctimeMs - a.ctimeMs);
}
