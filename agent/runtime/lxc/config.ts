import { posix } from 'node:path';
import {
  type DomainSpec,
  type FilesystemSpec,
  GodwitError,
  type InterfaceSpec,
} from '../../../protocol/mod.ts';
import { initArgv, initCommandLine } from './init-command.ts';
import { cpuMax } from './limits.ts';
import { hostVeth } from './names.ts';

/** What the configuration depends on besides the container: facts of the node it is written on. */
export interface NodeFacts {
  readonly cgroup: 'v1' | 'v2';
  readonly appArmor: boolean;
  /** Sources of bind mounts that are not directories. */
  readonly fileSources: ReadonlySet<string>;
}

/** The first line of every configuration that godwit owns; a file without it is somebody else's and never overwritten. */
export const CONFIG_MARK = '# Written by godwit from the domain XML; changes here are lost.';

/** Capabilities libvirt takes from its containers, too; unlike device cgroups they survive a restore. */
const DROPPED = 'audit_control mac_admin mknod sys_module sys_time';

/**
 * The LXC configuration of a container. Every value is checked for its kind or quoted, so that no value can add a line.
 * @throws GodwitError UNSUPPORTED for what LXC or a dump cannot express
 */
export function formatConfig(spec: DomainSpec, node: NodeFacts): string {
  const lines: [key: string, value: string][] = [
    ['lxc.uts.name', spec.name],
    ...(spec.arch === undefined
      ? []
      : [['lxc.arch', matching(spec.arch, /^\w+$/, 'arch')] as [string, string]]),
    ['lxc.rootfs.path', `dir:${rootSource(spec.root)}`],
    ...initLines(spec),
    // Only the container's own /dev: a dump cannot look up a terminal or a device node of the host.
    ['lxc.autodev', '1'],
    ['lxc.tty.max', '0'],
    ...(spec.console ? [] : [['lxc.console.path', 'none'] as [string, string]]),
    ['lxc.mount.auto', 'proc:mixed sys:mixed'],
    ['lxc.cap.drop', DROPPED],
    // With the line but without AppArmor in the kernel, criu refuses the restore ("apparmor LSM specified but not supported").
    ...(node.appArmor ? [['lxc.apparmor.profile', 'unconfined'] as [string, string]] : []),
    ...limitLines(spec, node),
    ...spec.filesystems.map((entry): [string, string] => ['lxc.mount.entry', mountEntry(entry, node)]),
    ...networkLines(spec),
  ];
  return [CONFIG_MARK, ...lines.map(([key, value]) => `${key} = ${quoted(key, value)}`), ''].join('\n');
}

/** The target of a bind mount relative to the root, as LXC writes it and criu must be told. */
export function mountTarget(entry: FilesystemSpec): string {
  return cleanPath(entry.target, 'filesystem target').slice(1);
}

function initLines({ os }: DomainSpec): [string, string][] {
  const command = initCommandLine(initArgv(os));
  return [
    ...(command === undefined ? [] : [['lxc.init.cmd', command] as [string, string]]),
    ...(os.initDir === undefined
      ? []
      : [['lxc.init.cwd', cleanPath(os.initDir, 'initdir')] as [string, string]]),
    ...os.initEnv.map(({ name, value }): [string, string] => {
      return ['lxc.environment', `${matching(name, /^[A-Za-z_]\w*$/, 'initenv name')}=${value}`];
    }),
    // LXC finds out by itself how to halt systemd (SIGRTMIN+3) and else sends SIGPWR, which only real inits understand.
    ...(/\/(init|systemd)$/.test(os.init) ? [] : [['lxc.signal.halt', 'SIGTERM'] as [string, string]]),
  ];
}

/** LXC 7 refuses every limit for cgroup v1; there the agent writes them itself (see limits.ts), as after a restore. */
function limitLines(spec: DomainSpec, node: NodeFacts): [string, string][] {
  if (node.cgroup === 'v1') return [];
  const { quotaUs, periodUs } = cpuMax(spec);
  return [
    ['lxc.cgroup2.memory.max', String(spec.memoryBytes)],
    ['lxc.cgroup2.cpu.max', `${quotaUs} ${periodUs}`],
  ];
}

function mountEntry(entry: FilesystemSpec, node: NodeFacts): string {
  const source = cleanPath(entry.source, 'filesystem source');
  const create = node.fileSources.has(entry.source) ? 'create=file' : 'create=dir';
  const options = ['bind', ...(entry.readonly ? ['ro'] : []), create].join(',');
  return `${fstabWord(source)} ${fstabWord(mountTarget(entry))} none ${options} 0 0`;
}

function networkLines(spec: DomainSpec): [string, string][] {
  if (spec.interfaces.length === 0) return [['lxc.net.0.type', 'empty']];
  return spec.interfaces.flatMap((nic, index) => interfaceLines(spec.name, nic, index));
}

function interfaceLines(name: string, nic: InterfaceSpec, index: number): [string, string][] {
  const key = (suffix: string) => `lxc.net.${index}.${suffix}`;
  return [
    [key('type'), 'veth'],
    [key('link'), matching(nic.bridge, LINK_NAME, 'bridge')],
    [key('flags'), 'up'],
    [key('name'), matching(nic.guestName, LINK_NAME, 'interface name')],
    [key('veth.pair'), hostVeth(name, index)],
    [key('hwaddr'), matching(nic.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'MAC address')],
    ...nic.addresses.map(({ family, address, prefix }): [string, string] => [
      key(`${family}.address`),
      `${matching(address, /^[0-9a-fA-F.:]+$/, 'address')}/${prefix}`,
    ]),
  ];
}

const LINK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

function rootSource(root: FilesystemSpec): string {
  if (root.readonly)
    throw unsupported('a read-only root file system cannot be restored through lxc-checkpoint');
  return cleanPath(root.source, 'root source');
}

/** An absolute path without `..`; criu's mount map separates its two halves by a colon. */
function cleanPath(path: string, what: string): string {
  if (!path.startsWith('/') || path.split('/').includes('..') || /[:\0]/.test(path)) {
    throw unsupported(`${what} '${path}': it must be absolute, without '..' and ':'`);
  }
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

function fstabWord(path: string): string {
  return path.replaceAll(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function matching(value: string, pattern: RegExp, what: string): string {
  if (!pattern.test(value)) throw unsupported(`${what} '${value}' is not valid`);
  return value;
}

/** LXC strips one pair of quotes and no white space inside it; a line break is the one thing it cannot take. */
function quoted(key: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw unsupported(`${key}: a value for LXC cannot hold a line break`);
  return `"${value}"`;
}

function unsupported(problem: string): GodwitError {
  return new GodwitError('UNSUPPORTED', { problem });
}
