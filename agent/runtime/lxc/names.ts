import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { checkContainerName, isContainerName } from '../../../protocol/mod.ts';

/** LXC's configuration file of a container. @throws GodwitError NAME_INVALID (names become path segments) */
export function configFile(lxcPath: string, name: string): string {
  return join(lxcPath, checkContainerName(name), 'config');
}

/** What the host's ends of a container's veths start with: known without its XML, so that they can always be swept. */
export function hostVethPrefix(name: string): string {
  return `gw${createHash('sha256').update(name).digest('hex').slice(0, 9)}n`;
}

/** The host's end of interface number `index`; at most 15 characters as the kernel wants. */
export function hostVeth(name: string, index: number): string {
  return `${hostVethPrefix(name)}${index}`;
}

/** True for what {@link hostVeth} makes of some name. */
export function isHostVeth(link: string): boolean {
  return /^gw[0-9a-f]{9}n\d+$/.test(link);
}

/** LXC's own name for the cgroup of a container's tasks. */
export function payloadGroup(name: string): string {
  return `lxc.payload.${name}`;
}

/** LXC's own name for the cgroup of a container's monitor. */
export function monitorGroup(name: string): string {
  return `lxc.monitor.${name}`;
}

/** The container of a group of LXC's; `web-1` may also be the second try of `web`. */
export function containersOf(group: string): string[] {
  const [, name] = /^lxc\.(?:payload|monitor)\.(.+)$/.exec(group) ?? [];
  return name === undefined ? [] : [...new Set([name, name.replace(/-\d+$/, '')])].filter(isContainerName);
}

/** What LXC's monitor of a container calls itself in the list of processes. */
export function monitorTitle(lxcPath: string, name: string): string {
  return `[lxc monitor] ${lxcPath} ${name}`;
}

/** Shortens a cgroup path to the container's own group: an init like systemd moves itself further down. */
export function cutToPayload(path: string): string {
  return /^(.*?\/lxc\.payload\.[^/]+)(?:\/|$)/.exec(path)?.[1] ?? path;
}
