import { killCgroup } from '../host/freeze.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import type { Agent } from './agent.ts';

/**
 * Kills the frozen tasks of a container that goes on elsewhere, or later: its clients hear nothing of it. When the last task of a network
 * namespace dies, the kernel takes the namespace apart: netfilter first, and with it criu's lock, the interfaces some milliseconds
 * later. What comes in between would be answered by a reset, for the sockets are gone. So the interfaces go first.
 * @throws GodwitError HOST_FAILED
 */
export async function killUnheard(agent: Agent, name: string, cgroup: CgroupPaths): Promise<void> {
  await cutOff(agent, name);
  await killCgroup(cgroup, agent.clock);
}

/** Takes a container off its network for good; without that its end may only be heard. Never rejects. */
export async function cutOff({ runtime, log }: Agent, name: string): Promise<void> {
  await runtime.disconnect(name).catch((error: unknown) => {
    log.warn({ container: name, err: error }, 'its end may reach its clients');
  });
}
