import { rename } from 'node:fs/promises';
import { type DomainSpec, GodwitError, type HandOverRequest, LIMITS } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { type CopiedTree, copiedTrees } from '../../migration/rootfs.ts';
import { inodesOf } from '../../preflight/rootfs.ts';
import { isFilled, removeTree } from '../../rootfs/mod.ts';
import { replacedAt, trimReplaced } from './replaced.ts';

/**
 * Gives a container that is stopped here to a node that has restored it and holds its tasks: it answers at once, and clears up after that.
 * @throws GodwitError CONTAINER_BUSY, CONTAINER_STATE, RECORD_CONFLICT, STORE_UNAVAILABLE (it may or may not have been given)
 */
export async function handOver(
  agent: Agent,
  name: string,
  request: HandOverRequest,
): Promise<{ revision: number }> {
  const { containers, log } = agent;
  const free = containers.claim(name, request.job);
  try {
    const trees = await oldTrees(containers.get(name).spec, request.brought);
    const revision = await give(agent, name, request);
    await containers.release(name);
    const roots = trees.map(({ root }) => root);
    void clear(agent, name, trees, request.job)
      .catch((error: unknown) => {
        log.warn({ container: name, err: error }, 'what is left of a container that was handed over stays');
      })
      .finally(free)
      .then(() => trimReplaced(agent, roots, request.job));
    return { revision };
  } catch (error) {
    free();
    throw error;
  }
}

/** At the revision that the other node has seen, and no later one: what it restored is from before that. */
async function give(
  { containers, runtime, bus }: Agent,
  name: string,
  { to, revision, spec }: HandOverRequest,
): Promise<number> {
  const { record } = containers.get(name);
  const { state } = await runtime.status(name);
  if (record.job) throw new GodwitError('CONTAINER_BUSY', { container: name, job: record.job.id });
  if (state !== 'stopped')
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
  const next = { ...record, owner: to, epoch: record.epoch + 1, phase: 'running' as const, spec };
  const given = await bus.records.update(next, revision, LIMITS.recordPatienceMs);
  if (given.status === 'conflict') throw new GodwitError('RECORD_CONFLICT', { container: name });
  if (given.status === 'unknown') throw new GodwitError('STORE_UNAVAILABLE', { problem: given.problem });
  return given.revision;
}

/** No move builds on what lies here, or puts it aside: it may be all there is of what the container did since its checkpoint. */
async function clear(agent: Agent, name: string, trees: readonly CopiedTree[], job: string): Promise<void> {
  const { runtime, runner } = agent;
  await runtime.sweep(name);
  await runtime.undefine(name);
  for (const { root, left } of trees) {
    if (!(await isFilled(root))) continue;
    await rename(root, replacedAt(root, job));
    if (left === 'delete') await removeTree(runner, replacedAt(root, job));
  }
}

/** Directories here whose place another node's have taken; not those that both nodes see. */
async function oldTrees(here: DomainSpec, brought: HandOverRequest['brought']): Promise<CopiedTree[]> {
  const trees = copiedTrees(here).filter(({ root }) => brought[root] !== undefined);
  const seen = await inodesOf(trees.map(({ root }) => root));
  return trees.filter(({ root }) => seen[root] !== undefined && seen[root] !== brought[root]);
}
