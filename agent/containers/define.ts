import { formatDomain, parseDomain } from '../../protocol/domain/mod.ts';
import {
  type ContainerRecord,
  checkContainerName,
  type DomainSpec,
  GodwitError,
} from '../../protocol/mod.ts';
import type { Bus } from '../bus/bus.ts';
import { Reverter } from '../effects/reverter.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { OwnedContainers } from './owned.ts';

interface Defining {
  readonly node: string;
  readonly bus: Bus;
  readonly runtime: Runtime;
  readonly containers: OwnedContainers;
}

/** What a definition came to. */
interface Defined {
  name: string;
  uuid: string;
  node: string;
  changed: boolean;
  notes: string[];
}

/**
 * Makes this node the owner of a new container, or gives a stopped one it owns a new description.
 * @throws GodwitError XML_MALFORMED, XML_REFUSED, CONTAINER_EXISTS, CONTAINER_STATE, STORE_UNAVAILABLE, RUNTIME_FAILED
 */
export async function defineContainer(
  agent: Defining,
  request: { readonly xml: string; readonly file: string },
): Promise<Defined> {
  const spec = parseDomain(request.xml, { file: request.file });
  const changed = await agent.containers.exclusively(spec.name, 'define', () =>
    agent.containers.has(spec.name)
      ? redefine(agent, spec)
      : create(agent, spec, 'stopped', () => agent.runtime.define(spec)),
  );
  return { name: spec.name, uuid: spec.uuid, node: agent.node, changed, notes: [] };
}

/**
 * Makes this node the owner of a container that LXC has here, without stopping it.
 * @throws GodwitError CONTAINER_NOT_FOUND, CONTAINER_EXISTS, LXC_REFUSED, NODE_LACKS, STORE_UNAVAILABLE, RUNTIME_FAILED
 */
export async function adoptContainer(agent: Defining, name: string): Promise<Defined> {
  const { containers, node, runtime } = agent;
  checkContainerName(name);
  return containers.exclusively(name, 'define', async () => {
    if (containers.has(name)) throw new GodwitError('CONTAINER_EXISTS', { container: name, node });
    const { spec, notes } = await runtime.describeForeign(name);
    const { state } = await runtime.status(name);
    await create(agent, spec, state === 'running' ? 'running' : 'stopped', async (reverter) => {
      reverter.add('the configuration', await runtime.takeOver(spec));
    });
    return { name, uuid: spec.uuid, node, changed: true, notes: [...notes] };
  });
}

/** Claims the record first: two nodes may be asked at once. `place` prepares this one. */
async function create(
  agent: Defining,
  spec: DomainSpec,
  phase: ContainerRecord['phase'],
  place: (reverter: Reverter) => Promise<void>,
): Promise<boolean> {
  const { node, bus, containers } = agent;
  const record: ContainerRecord = {
    type: 'io.godwit.v1.record',
    name: spec.name,
    uuid: spec.uuid,
    owner: node,
    epoch: 1,
    phase,
    spec: formatDomain(spec),
  };
  const created = await bus.records.create(record);
  if (created.status === 'conflict') {
    const existing = await bus.records.get(spec.name);
    throw new GodwitError('CONTAINER_EXISTS', {
      container: spec.name,
      node: existing?.record.owner ?? 'another node',
    });
  }
  if (created.status === 'unknown') throw new GodwitError('STORE_UNAVAILABLE', { problem: created.problem });

  const reverter = new Reverter();
  reverter.add('the record', async () => {
    await bus.records.remove(spec.name, created.revision);
  });
  try {
    await place(reverter);
    await containers.adopt({ record, revision: created.revision });
    return true;
  } catch (error) {
    await reverter.revert();
    throw error;
  }
}

async function redefine(agent: Defining, spec: DomainSpec): Promise<boolean> {
  const { runtime, containers } = agent;
  const { state } = await runtime.status(spec.name);
  if (state !== 'stopped')
    throw new GodwitError('CONTAINER_STATE', { container: spec.name, state, wanted: 'stopped' });
  if (containers.get(spec.name).record.uuid !== spec.uuid)
    throw new GodwitError('CONTAINER_EXISTS', {
      container: spec.name,
      node: `${agent.node} with another uuid`,
    });
  const xml = formatDomain(spec);
  if (xml === containers.get(spec.name).record.spec) return false;
  await runtime.define(spec);
  await containers.adopt(await containers.change(spec.name, (record) => ({ ...record, spec: xml })));
  return true;
}
