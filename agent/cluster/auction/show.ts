import type { ContainerAuction } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { holdAuction } from './hold.ts';

/** What an auction for this container would come to now; nothing is promised. @throws GodwitError CONTAINER_NOT_FOUND, RUNTIME_FAILED */
export async function showAuction(agent: Agent, name: string): Promise<Omit<ContainerAuction, 'type'>> {
  const owned = agent.containers.get(name);
  const held = await holdAuction(agent, { auction: agent.random.id(), owned, dryRun: true });
  const { usage, memoryBytes, entries } = held;
  return { container: name, source: agent.config.node, usage, memoryBytes, entries: [...entries] };
}
