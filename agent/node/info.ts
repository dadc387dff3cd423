import type { ContainerDigest, NodeInfo } from '../../protocol/mod.ts';
import { digestOf } from '../containers/digest.ts';
import { memoryAvailableBytes } from '../host/kernel.ts';
import type { Agent } from '../migration/agent.ts';

/** How this node describes itself to whoever asks. */
export async function nodeInfo(agent: Agent): Promise<Omit<NodeInfo, 'type'>> {
  const { config, containers, runtime, clock } = agent;
  const [capabilities, memoryAvailable, ...digests] = await Promise.all([
    agent.capabilities(),
    memoryAvailableBytes(),
    ...containers.list().map((owned) => digestOf(owned, runtime, containers)),
  ]);
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
    notes: [...agent.notes],
    containers: digests satisfies ContainerDigest[],
  };
}
