import type { Runner } from '../effects/runner.ts';
import { hostFailed, wordsOf } from './failure.ts';
import { inNetwork } from './in-network.ts';

const DEADLINE_MS = 5_000;

/** Those of the interfaces in the network namespace of a task that answer ARP requests. @throws GodwitError HOST_FAILED */
export async function answeringArp(
  runner: Runner,
  initPid: number,
  interfaces: readonly string[],
): Promise<string[]> {
  const listed = await ip(runner, initPid, ['-j', 'link', 'show', 'up'], 'listing its interfaces');
  const links = JSON.parse(listed.trim() || '[]') as { ifname?: string; flags?: string[] }[];
  return links.flatMap(({ ifname, flags = [] }) =>
    ifname !== undefined && interfaces.includes(ifname) && !flags.includes('NOARP') ? [ifname] : [],
  );
}

/**
 * Makes interfaces in the network namespace of a task answer ARP requests, or not. The kernel answers for tasks that stand still,
 * and criu's lock lets that pass: it drops IP, to which IPv6's neighbour discovery belongs and ARP does not. Addresses and routes
 * stay. Safe to repeat. @throws GodwitError HOST_FAILED
 */
export async function setArp(
  runner: Runner,
  initPid: number,
  interfaces: readonly string[],
  state: 'on' | 'off',
): Promise<void> {
  if (interfaces.length === 0) return;
  const commands = interfaces.map((name) => `link set dev ${name} arp ${state}\n`).join('');
  await ip(runner, initPid, ['-batch', '-'], `turning ARP ${state}`, commands);
}

async function ip(
  runner: Runner,
  initPid: number,
  args: readonly string[],
  action: string,
  input?: string,
): Promise<string> {
  const result = await runner.run({
    ...inNetwork(initPid, 'ip', args),
    deadlineMs: DEADLINE_MS,
    ...(input === undefined ? {} : { input }),
  });
  if (result.exitCode !== 0) throw hostFailed(action, wordsOf(result));
  return result.stdout;
}
