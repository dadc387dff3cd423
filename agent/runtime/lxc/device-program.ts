import type { DomainSpec } from '../../../protocol/mod.ts';
import { cgroupVersion } from '../../host/cgroup-paths.ts';
import { callTool, checkTool, type Lxc } from './tool.ts';

const DEADLINE_MS = 10_000;

const PREFIX = 'lxc.cgroup2.';
/** What whiteouts of overlays are: the kernel lets everybody make them, whatever the rules say. */
const HARMLESS = ['devices.allow', 'c 0:0 m'] as const;

/**
 * Puts the device rules of a container that was just restored in force (cgroup v2). There they are a program of the kernel's: criu does
 * not know it, and LXC loads it in a start only, and whenever a rule is added. So all are added once more, in their order; where LXC has
 * read them already (after 7.0) none is new, and one that is, and changes nothing, follows. Where everything is forbidden
 * but a list, what stands later in it cannot be opened for some milliseconds. @throws GodwitError RUNTIME_FAILED, CHILD_TIMEOUT
 */
export async function enforceDeviceRules(options: Lxc, { name, lxc = [] }: DomainSpec): Promise<void> {
  const rules = lxc
    .filter(({ key }) => key.startsWith(`${PREFIX}devices.`))
    .map(({ key, value }) => [key.slice(PREFIX.length), value] as const);
  if (rules.length === 0 || (await cgroupVersion()) === 'v1') return;
  for (const args of [...rules, HARMLESS]) {
    const call = { tool: 'lxc-cgroup', name, args, deadlineMs: DEADLINE_MS, silent: false } as const;
    checkTool(call, await callTool(options, call));
  }
}
