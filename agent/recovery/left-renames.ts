import { parseDomain } from '../../protocol/domain/mod.ts';
import { GodwitError } from '../../protocol/mod.ts';
import { forgetRename, leftRenames, type RenameNotes } from '../containers/rename-notes.ts';
import { removeRecord } from '../containers/settle.ts';
import type { Agent } from '../migration/agent.ts';
import { patiently } from './patiently.ts';

type Renaming = Pick<Agent, 'bus' | 'clock' | 'config' | 'log' | 'runtime'>;

/**
 * Brings renames to an end in whose middle an earlier agent died: once the new record is there, the container has the new name. Until the
 * store says so nothing goes on: two names for one root file system must not both be answered for. Resolves with true when records have changed.
 */
export async function finishRenames(agent: Renaming): Promise<boolean> {
  const { config, log } = agent;
  let changed = false;
  for (const notes of await leftRenames(agent)) {
    try {
      const done = await patiently(agent, () => finish(agent, notes));
      changed ||= done;
      log.warn({ ...notes, done }, 'an earlier agent has left a rename');
      await forgetRename(config.stateDir, notes);
    } catch (error) {
      log.error({ ...notes, err: error }, 'a rename could not be brought to an end');
    }
  }
  return changed;
}

/** Safe to repeat. @throws GodwitError STORE_UNAVAILABLE, RECORD_CONFLICT, RUNTIME_FAILED */
async function finish(agent: Renaming, { name, wanted, uuid, revision }: RenameNotes): Promise<boolean> {
  const { bus, clock, config, runtime } = agent;
  const isOurs = (seen: Awaited<ReturnType<typeof bus.records.get>>) =>
    seen?.record.owner === config.node && seen.record.uuid === uuid;
  const fresh = await bus.records.get(wanted);
  if (!fresh || !isOurs(fresh)) return false;
  await runtime.define(parseDomain(fresh.record.spec, { file: `record of ${wanted}` }));
  const old = await bus.records.get(name);
  if (old && isOurs(old)) {
    // Somebody did something with it under its old name since: then both are an operator's to sort out.
    if (old.revision !== revision) throw new GodwitError('RECORD_CONFLICT', { container: name });
    const removed = await removeRecord({ records: bus.records, clock }, old);
    if (removed.status === 'unknown')
      throw new GodwitError('STORE_UNAVAILABLE', { problem: removed.problem });
    if (removed.status !== 'ok') throw new GodwitError('RECORD_CONFLICT', { container: name });
  } else if (old) return true;
  await runtime.undefine(name);
  await runtime.sweep(name);
  return true;
}
