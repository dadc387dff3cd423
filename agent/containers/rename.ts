import { formatDomain } from '../../protocol/domain/mod.ts';
import { GodwitError } from '../../protocol/mod.ts';
import type { Bus } from '../bus/bus.ts';
import { Reverter } from '../effects/reverter.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { OwnedContainers } from './owned.ts';

interface Renaming {
  readonly bus: Bus;
  readonly runtime: Runtime;
  readonly containers: OwnedContainers;
}

/**
 * Gives a stopped container of this node another name. First the new record, by creation: who loses that has a name that is
 * taken. An agent that dies after it leaves both names, stopped, of which one is undefined by hand.
 * @throws GodwitError CONTAINER_EXISTS, STORE_UNAVAILABLE, RECORD_CONFLICT, RUNTIME_FAILED
 */
export async function renameContainer(
  { bus, runtime, containers }: Renaming,
  name: string,
  wanted: string,
): Promise<void> {
  const { record, revision, spec } = containers.get(name);
  const renamed = { ...spec, name: wanted };
  const next = { ...record, name: wanted, spec: formatDomain(renamed) };
  const created = await bus.records.create(next);
  if (created.status === 'unknown') throw new GodwitError('STORE_UNAVAILABLE', { problem: created.problem });
  if (created.status === 'conflict') {
    const existing = await bus.records.get(wanted);
    const node = existing?.record.owner ?? 'another node';
    throw new GodwitError('CONTAINER_EXISTS', { container: wanted, node });
  }
  const reverter = new Reverter();
  reverter.add('the record', async () => {
    await bus.records.remove(wanted, created.revision);
  });
  try {
    await runtime.define(renamed);
    reverter.add('the definition', () => runtime.undefine(wanted));
    const removed = await bus.records.remove(name, revision);
    if (removed.status === 'conflict') throw new GodwitError('RECORD_CONFLICT', { container: name });
    if (removed.status === 'unknown')
      throw new GodwitError('STORE_UNAVAILABLE', { problem: removed.problem });
  } catch (error) {
    await reverter.revert();
    throw error;
  }
  await containers.adopt({ record: next, revision: created.revision });
  await runtime.undefine(name);
  await runtime.sweep(name);
  await containers.release(name);
}
