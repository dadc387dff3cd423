import type { ContainerDigest } from '../../protocol/mod.ts';
import type { LoadMeter } from '../cluster/load/sampler.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Owned, OwnedContainers } from './owned.ts';

/** What a look at a container needs of its agent. */
export interface Digesting {
  readonly runtime: Runtime;
  readonly containers: OwnedContainers;
  readonly load: Pick<LoadMeter, 'usage'>;
}

/** A container as its owner sees it right now: the record, and what the runtime says. */
export async function digestOf(owned: Owned, agent: Digesting): Promise<ContainerDigest> {
  const { runtime, containers, load } = agent;
  const { record, spec } = owned;
  const status = await runtime.status(record.name);
  const alive = status.state === 'running' || status.state === 'frozen';
  // A container can end between the two looks; its figures are then simply not there.
  const stats = alive ? await runtime.stats(record.name).catch(() => undefined) : undefined;
  const usage = load.usage(record.name);
  const job = record.job?.id ?? containers.holder(record.name);
  return {
    name: record.name,
    uuid: record.uuid,
    owner: record.owner,
    epoch: record.epoch,
    phase: record.phase,
    state: status.state,
    ...(status.pid === undefined ? {} : { pid: status.pid }),
    ...(stats ? { memoryBytes: stats.memoryBytes } : {}),
    memoryLimitBytes: spec.memoryBytes,
    addresses: spec.interfaces.flatMap((entry) =>
      entry.addresses.map(({ address, prefix }) => `${address}/${prefix}`),
    ),
    ...(job ? { job } : {}),
    ...(usage && alive ? { usage } : {}),
  };
}
