import { formatDomain } from '../../protocol/domain/mod.ts';
import { GodwitError } from '../../protocol/mod.ts';
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';
import { Reverter } from '../effects/reverter.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { OwnedContainers } from './owned.ts';
import { createRecord, removeRecord } from './settle.ts';

interface Renaming {
  readonly bus: Pick<Bus, 'records'>;
  readonly clock: Clock;
  readonly runtime: Pick<Runtime, 'define' | 'undefine' | 'sweep'>;
  readonly containers: OwnedContainers;
}

const THE_RECORD = 'the record';

/**
 * Gives a stopped container of this node another name. First the new record, by creation: who loses that has a name that is
 * taken. What an agent that dies after it has left, the next one brings to an end (agent/recovery/left-renames.ts). A store that never
 * says whether the old record was removed leaves both names, stopped, until then. A new record of which nothing is known is found by the same rename, done again.
 * @throws GodwitError CONTAINER_EXISTS, STORE_UNAVAILABLE, RECORD_CONFLICT, RUNTIME_FAILED
 */
export async function renameContainer(
  { bus, clock, runtime, containers }: Renaming,
  name: string,
  wanted: string,
): Promise<void> {
  const owned = containers.get(name);
  const { record, spec } = owned;
  if (containers.has(wanted))
    throw new GodwitError('CONTAINER_EXISTS', { container: wanted, node: record.owner });
  const renamed = { ...spec, name: wanted };
  const next = { ...record, name: wanted, spec: formatDomain(renamed) };
  const settling = { records: bus.records, clock };
  const again = `'${name}' is as it was; rename it again, for '${wanted}' may have a record now`;
  const created = await createRecord(settling, next);
  if (created.status === 'unknown') throw unsettled(created.problem, again);
  if (created.status === 'conflict') {
    const existing = await bus.records.get(wanted);
    const node = existing?.record.owner ?? 'another node';
    throw new GodwitError('CONTAINER_EXISTS', { container: wanted, node });
  }
  const adopted = { record: next, revision: created.revision };
  const reverter = new Reverter();
  reverter.add(THE_RECORD, async () => {
    const undone = await removeRecord(settling, adopted);
    if (undone.status === 'unknown') throw new Error(undone.problem);
  });
  try {
    await runtime.define(renamed);
    reverter.add('the definition', () => runtime.undefine(wanted));
    const removed = await removeRecord(settling, owned);
    if (removed.status === 'conflict') throw new GodwitError('RECORD_CONFLICT', { container: name });
    if (removed.status === 'unknown') {
      reverter.discard();
      await containers.adopt(adopted);
      const problem = `both names are kept, start neither; \`godwit undefine ${name}\` ends the rename`;
      throw unsettled(removed.problem, problem);
    }
  } catch (error) {
    const failures = await reverter.revert();
    const left = failures.find(({ what }) => what === THE_RECORD);
    if (left) throw unsettled((left.error as Error).message, again);
    throw error;
  }
  await containers.adopt(adopted);
  await runtime.undefine(name);
  await runtime.sweep(name);
  await containers.release(name);
}

/** What nobody can say, and what is to be done about it. */
function unsettled(problem: string, advice: string): GodwitError {
  return new GodwitError('STORE_UNAVAILABLE', { problem: `${problem}; ${advice}` });
}
