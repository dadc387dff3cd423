import type { ContainerDigest, NodeInfo } from '../../protocol/mod.ts';
import { digestOf } from '../containers/digest.ts';
import { memoryAvailableBytes } from '../host/kernel.ts';
import type { Agent } from '../migration/agent.ts';

/** How this node describes itself to whoever asks. */
export async function nodeInfo(agent: Agent): Promise<Omit<NodeInfo, 'type'>> {
  const { config, containers, clock } = agent;
  const [capabilities, memoryAvailable, ...digests] = await Promise.all([
    agent.capabilities(),
    memoryAvailableBytes(),
    ...containers.list().map((owned) => digestOf(owned, agent)),
  ]);
  const load = agent.load.node();
  return {
    node: config.node,
    cluster: config.cluster,
    version: agent.version,
    state: agent.node.state,
    address: config.address,
    dataPort: agent.data.port,
    startedAtMs: agent.startedAtMs,
    nowMs: clock.nowMs(),
    incarnation: agent.incarnation,
    capabilities,
    memoryAvailableBytes: memoryAvailable,
    labels: config.labels,
    capacity: agent.load.capacity,
    ...(load ? { load } : {}),
    notes: [...agent.notes],
    containers: digests satisfies ContainerDigest[],
    held: agent.jobs
      .list()
      .filter((job) => job.frozenCopy === true && !containers.has(job.container))
      .map(({ container, job, target }) => ({ container, job, target })),
  };
}
