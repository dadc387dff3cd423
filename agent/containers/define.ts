import { formatDomain, parseDomain } from '../../protocol/domain/mod.ts';
import { type ContainerRecord, type DomainSpec, GodwitError } from '../../protocol/mod.ts';
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

/**
 * Makes this node the owner of a new container, or gives a stopped one it owns a new description.
 * @throws GodwitError XML_MALFORMED, XML_REFUSED, CONTAINER_EXISTS, CONTAINER_STATE, STORE_UNAVAILABLE, RUNTIME_FAILED
 */
export async function defineContainer(
  agent: Defining,
  request: { readonly xml: string; readonly file: string },
): Promise<{ name: string; uuid: string; node: string; changed: boolean }> {
  const spec = parseDomain(request.xml, { file: request.file });
  const changed = await agent.containers.exclusively(spec.name, 'define', () =>
    agent.containers.has(spec.name) ? redefine(agent, spec) : create(agent, spec),
  );
  return { name: spec.name, uuid: spec.uuid, node: agent.node, changed };
}

async function create(agent: Defining, spec: DomainSpec): Promise<boolean> {
  const { node, bus, runtime, containers } = agent;
  const record: ContainerRecord = {
    type: 'io.godwit.v1.record',
    name: spec.name,
    uuid: spec.uuid,
    owner: node,
    epoch: 1,
    phase: 'stopped',
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
    await runtime.define(spec);
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
