import { fenceCgroup } from '../../host/freeze.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';
import { cutOff, killUnheard } from '../kill-unheard.ts';

/** Freezes what there is of a container, whether the runtime owns it or not. @throws GodwitError HOST_FAILED */
export async function freezeTasks(agent: Agent, name: string): Promise<void> {
  const cgroup = await cgroupOf(agent, name);
  if (cgroup) await fenceCgroup(cgroup, agent.clock);
}

/** Kills what there is of a container without letting it run; nothing but its definition is left. @throws GodwitError HOST_FAILED */
export async function killTasks(agent: Agent, name: string): Promise<void> {
  const cgroup = await cgroupOf(agent, name);
  if (cgroup) await killUnheard(agent, name, cgroup);
  await agent.runtime.sweep(name);
}

/** Kills a copy that may have run: the source's goes on, and keeps its connections where it can be cut off first. @throws GodwitError RUNTIME_FAILED */
export async function killRunning(agent: Agent, name: string): Promise<void> {
  await cutOff(agent, name);
  await agent.runtime.stop(name, { timeoutMs: 0, kill: true });
}

/** Undefined when no task of it is here. */
async function cgroupOf({ runtime }: Agent, name: string): Promise<CgroupPaths | undefined> {
  const { pid } = await runtime.status(name);
  return pid === undefined ? undefined : runtime.cgroupOf(pid);
}
