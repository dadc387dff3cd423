import { stat } from 'node:fs/promises';
import { deviceNumber } from '../../host/device-number.ts';
import { hostFailed } from '../../host/failure.ts';
import { readSettings } from './adopt/read.ts';
import { configFile } from './names.ts';
import { callTool, checkTool, type Lxc } from './tool.ts';

const DEADLINE_MS = 10_000;
const PREFIX = 'lxc.cgroup2.devices.';
/** Rules of LXC that differ in the order of these letters are different ones. */
const ALL_ACCESS = ['mwr', 'wmr', 'wrm'] as const;

/** One rule in LXC's words. */
export interface ProgramRule {
  readonly kind: 'allow' | 'deny';
  readonly value: string;
}

/**
 * Puts the device rules of a container that was just restored in force (cgroup v2). There they are a program of the kernel's: criu does
 * not know it, and LXC loads it in a start only, and whenever a rule is added. So all are added once more, those of included
 * files as well. Safe to repeat. @throws GodwitError RUNTIME_FAILED, CHILD_TIMEOUT, LXC_REFUSED, HOST_FAILED
 */
export async function enforceDeviceRules(options: Lxc, name: string): Promise<void> {
  const settings = await readSettings(configFile(options.lxcPath, name), name);
  const rules: ProgramRule[] = [];
  for (const { key, value } of settings) {
    const kind = key.slice(PREFIX.length);
    if (!key.startsWith(PREFIX) || (kind !== 'allow' && kind !== 'deny')) continue;
    rules.push({ kind, value: value.startsWith('/') ? await ofNode(value) : value });
  }
  for (const { kind, value } of inSafeOrder(rules)) {
    const args = [`devices.${kind}`, value];
    const call = { tool: 'lxc-cgroup', name, args, deadlineMs: DEADLINE_MS, silent: false } as const;
    checkTool(call, await callTool(options, call));
  }
}

/**
 * The same rules so that nothing is ever forbidden on the way that is allowed in the end: LXC loads a program with each of them, while
 * the tasks run. A rule about all devices takes back what came before it. After one that forbids them, or none, LXC's program
 * has what is allowed only: so all is, until the list is complete.
 */
export function inSafeOrder(rules: readonly ProgramRule[]): ProgramRule[] {
  if (rules.length === 0) return [];
  const last = rules.findLastIndex(({ value }) => value === 'a');
  if (rules[last]?.kind === 'allow') return rules.slice(last);
  const listed = rules.slice(last + 1);
  const free = (access: string) => !listed.some(({ value }) => value.includes(access));
  const access = ALL_ACCESS.find(free) ?? ALL_ACCESS[0];
  // Not `a *:*`: what follows in the program could not be reached, and the kernel refuses that.
  const all = [`c *:* ${access}`, `b *:* ${access}`];
  return [
    ...all.map((value) => ({ kind: 'allow', value }) as const),
    ...listed,
    ...all.map((value) => ({ kind: 'deny', value }) as const),
  ];
}

/** `/dev/fuse rw`, which LXC understands in a configuration only. */
async function ofNode(value: string): Promise<string> {
  const [path = '', access = ''] = value.split(/ +/);
  const node = await stat(path).catch((error: unknown) => {
    throw hostFailed(`looking at ${path}`, error);
  });
  return `${node.isBlockDevice() ? 'b' : 'c'} ${deviceNumber(node.rdev)} ${access}`;
}
