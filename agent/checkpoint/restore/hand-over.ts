import { type DomainSpec, GodwitError, type HandOverRequest, LIMITS } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { type CopiedTree, copiedTrees } from '../../migration/rootfs.ts';
import { inodesOf } from '../../preflight/rootfs.ts';
import { leavePlace, setMark } from '../../rootfs/mod.ts';

/**
 * Gives a container that is stopped here to a node that has restored it and holds its tasks.
 * @throws GodwitError CONTAINER_BUSY, CONTAINER_STATE, RECORD_CONFLICT, STORE_UNAVAILABLE (it may or may not have been given)
 */
export async function handOver(
  agent: Agent,
  name: string,
  { job, to, revision, spec, brought }: HandOverRequest,
): Promise<{ revision: number }> {
  const { containers, runtime, runner, bus, config, log } = agent;
  return containers.exclusively(name, job, async () => {
    const { record, spec: here } = containers.get(name);
    const { state } = await runtime.status(name);
    if (record.job) throw new GodwitError('CONTAINER_BUSY', { container: name, job: record.job.id });
    if (state !== 'stopped')
      throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
    const trees = await oldTrees(here, brought);
    // What lies here is old from the change on, also when this node loses its power before it can put it aside.
    for (const tree of trees) await setMark(config.stateDir, tree);
    const next = { ...record, owner: to, epoch: record.epoch + 1, phase: 'running' as const, spec };
    // At the revision that the other node has seen, and no later one: what it restored is from before that.
    const given = await bus.records.update(next, revision, LIMITS.recordPatienceMs);
    if (given.status === 'conflict') throw new GodwitError('RECORD_CONFLICT', { container: name });
    if (given.status === 'unknown') throw new GodwitError('STORE_UNAVAILABLE', { problem: given.problem });
    await containers.release(name);
    try {
      await runtime.sweep(name);
      await runtime.undefine(name);
      for (const tree of trees) await leavePlace(runner, config.stateDir, tree, tree.left);
    } catch (error) {
      log.warn({ container: name, err: error }, 'what is left of a container that was handed over stays');
    }
    return { revision: given.revision };
  });
}

/** Directories here whose place another node's have taken; not those that both nodes see. */
async function oldTrees(here: DomainSpec, brought: HandOverRequest['brought']): Promise<CopiedTree[]> {
  const trees = copiedTrees(here).filter(({ root }) => brought[root] !== undefined);
  const seen = await inodesOf(trees.map(({ root }) => root));
  return trees.filter(({ root }) => seen[root] !== undefined && seen[root] !== brought[root]);
}
