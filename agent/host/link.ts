import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Runner } from '../effects/runner.ts';
import { hostFailed, wordsOf } from './failure.ts';

const DEADLINE_MS = 5_000;
const SET_BY_USER = '3';

/** True when a network interface of this name exists in the agent's network namespace. */
export function linkExists(name: string, sys = '/sys'): boolean {
  return existsSync(`${sys}/class/net/${name}`);
}

/** True when the interface exists and is a bridge. */
export function bridgeExists(name: string, sys = '/sys'): boolean {
  return existsSync(`${sys}/class/net/${name}/bridge`);
}

/** Removes an interface; does nothing when there is none. @throws GodwitError HOST_FAILED */
export async function deleteLink(runner: Runner, name: string): Promise<void> {
  if (!linkExists(name)) return;
  const result = await runner.run({ file: 'ip', args: ['link', 'delete', name], deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0 && linkExists(name))
    throw hostFailed(`removing the link ${name}`, wordsOf(result));
}

/**
 * Makes a bridge keep the MAC address it has. A bridge that nobody gave one takes the lowest of its ports, and criu
 * gives a restored veth a random one: the node's own address would change its MAC in the middle of a move, and every
 * neighbour would lose it. Stays in force; there is nothing to undo for whoever uses the bridge.
 * @throws GodwitError HOST_FAILED
 */
export async function pinBridgeAddress(runner: Runner, bridge: string, sys = '/sys'): Promise<void> {
  const dir = `${sys}/class/net/${bridge}`;
  const read = (file: string) => readFile(`${dir}/${file}`, 'utf8').then((text) => text.trim());
  const action = `pinning the address of ${bridge}`;
  const [type, address] = await Promise.all([read('addr_assign_type'), read('address')]).catch(
    (error: unknown) => {
      throw hostFailed(action, error);
    },
  );
  if (type === SET_BY_USER) return;
  const args = ['link', 'set', 'dev', bridge, 'address', address];
  const result = await runner.run({ file: 'ip', args, deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0) throw hostFailed(action, wordsOf(result));
}

/** Names of the veths whose other end is in the agent's network namespace too. @throws GodwitError HOST_FAILED */
export async function unmovedVeths(runner: Runner): Promise<string[]> {
  const args = ['-j', 'link', 'show', 'type', 'veth'];
  const result = await runner.run({ file: 'ip', args, deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0) throw hostFailed('listing the veths', wordsOf(result));
  // Where there is none, it prints nothing or an empty list.
  const links = JSON.parse(result.stdout.trim() || '[]') as { ifname?: string; link?: string }[];
  return links.flatMap(({ ifname, link }) => (ifname === undefined || link === undefined ? [] : [ifname]));
}
