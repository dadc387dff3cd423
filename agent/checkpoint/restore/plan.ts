import { decode } from '../../../protocol/codec.ts';
import { formatDomain, parseDomain, stableUuid } from '../../../protocol/domain/mod.ts';
import {
  ContainerInfo,
  checkContainerName,
  type DomainSpec,
  GodwitError,
  type RestoreRequest,
} from '../../../protocol/mod.ts';
import type { Versioned } from '../../bus/bus.ts';
import type { Agent } from '../../migration/agent.ts';
import type { CheckpointStore, Found } from '../store/store.ts';

/**
 * How the container becomes this node's. `own`: it is already. `take-over`: its owner hands it over. `force`: its owner is
 * dead for good, an operator says. `create`: nobody has it.
 */
export type Way = 'own' | 'take-over' | 'force' | 'create';

/** What is restored here, and in whose place. */
export interface RestorePlan {
  readonly found: Found;
  readonly spec: DomainSpec;
  /** The same as XML. */
  readonly xml: string;
  readonly way: Way;
  /** The record as it is; it must not have changed when the container begins to run. */
  readonly before?: Versioned;
}

/** The checkpoint that is meant. @throws GodwitError CHECKPOINT_NOT_FOUND, CHECKPOINT_DAMAGED, USAGE */
export async function findCheckpoint(
  store: CheckpointStore,
  { container, checkpoint }: Pick<RestoreRequest, 'container' | 'checkpoint'>,
): Promise<Found> {
  if (checkpoint === undefined) return store.newest(checkContainerName(container));
  const found = await store.find(checkpoint);
  const of = found.manifest.container;
  if (of === container) return found;
  throw new GodwitError('USAGE', {
    problem: `${checkpoint} is a checkpoint of '${of}', not of '${container}'`,
  });
}

/**
 * Finds out whether the container may run here at all: nowhere may a copy run, or stand still for a reason.
 * @throws GodwitError CONTAINER_EXISTS, CONTAINER_BUSY, CONTAINER_STATE, OUTCOME_UNKNOWN, OWNER_SILENT, STORE_UNAVAILABLE
 */
export async function planRestore(
  agent: Agent,
  found: Found,
  request: Pick<RestoreRequest, 'as' | 'root' | 'force'>,
): Promise<RestorePlan> {
  const { spec, xml } = describe(found, request);
  const plan = { found, spec, xml };
  const before = await agent.bus.records.get(spec.name);
  if (!before) return { ...plan, way: 'create' };
  const { record } = before;
  const { owner, name } = record;
  if (request.as !== undefined) throw new GodwitError('CONTAINER_EXISTS', { container: name, node: owner });
  if (record.uuid !== spec.uuid)
    throw new GodwitError('CONTAINER_EXISTS', { container: name, node: `${owner} with another uuid` });
  if (record.job) throw new GodwitError('CONTAINER_BUSY', { container: name, job: record.job.id });
  if (record.phase === 'in-doubt') {
    const problem = 'whether another node holds its only copy is not settled';
    throw new GodwitError('OUTCOME_UNKNOWN', { container: name, problem });
  }
  const state = owner === agent.config.node ? await ownState(agent, name) : await stateAtOwner(agent, name);
  if (state === undefined) {
    if (!request.force) throw new GodwitError('OWNER_SILENT', { container: name, owner });
    return { ...plan, way: 'force', before };
  }
  if (state !== 'stopped')
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
  return { ...plan, way: owner === agent.config.node ? 'own' : 'take-over', before };
}

/** The container as it will be: under another name it is another one. @throws GodwitError XML_REFUSED, NAME_INVALID */
function describe({ manifest }: Found, { as, root }: Pick<RestoreRequest, 'as' | 'root'>) {
  const file = `checkpoint ${manifest.id}`;
  const kept = parseDomain(manifest.spec, { file });
  if (as === undefined && root === undefined) return { spec: kept, xml: manifest.spec };
  const named = as === undefined ? {} : { name: checkContainerName(as), uuid: stableUuid(as) };
  const rooted = root === undefined ? {} : { root: { ...kept.root, source: root } };
  const xml = formatDomain({ ...kept, ...named, ...rooted });
  // Read again, for a path that no description may have must not get into a record.
  return { spec: parseDomain(xml, { file }), xml };
}

async function ownState({ containers, runtime }: Agent, name: string) {
  containers.get(name);
  return (await runtime.status(name)).state;
}

/** What the owner says; undefined when it does not answer. */
async function stateAtOwner({ bus, subjects }: Agent, name: string) {
  const subject = subjects.container(name, 'info');
  try {
    const reply = await bus.request(subject, { type: 'io.godwit.v1.container.info.request' });
    return decode(ContainerInfo, subject, reply).container.state;
  } catch (error) {
    if (error instanceof GodwitError && ['CONTAINER_NOT_FOUND', 'BUS_TIMEOUT'].includes(error.code))
      return undefined;
    throw error;
  }
}
