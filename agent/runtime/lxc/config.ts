import type { DomainSpec } from '../../../protocol/mod.ts';
import { initArgv, initCommandLine } from './init-command.ts';
import { limitFiles } from './limit-files.ts';
import { type Line, matching, quoted, unsupported } from './line.ts';
import { cleanPath, mountEntries } from './mounts.ts';
import { type Networks, networkLines } from './network.ts';
import { capabilityLine, idmapLines, labelLines } from './rights.ts';

/** What the configuration depends on besides the container: facts of the node it is written on. */
export interface NodeFacts {
  readonly cgroup: 'v1' | 'v2';
  readonly appArmor: boolean;
  /** Sources of bind mounts that are not directories. */
  readonly fileSources: ReadonlySet<string>;
  /** Bridges by the name of the network they stand for. */
  readonly networks: Networks;
  /** `major:minor` of the block devices that limits name, by path. */
  readonly devices: ReadonlyMap<string, string>;
  /** The numbers of the user and group that the init runs as; needed when the description names them. */
  readonly initIds?: { readonly uid: number; readonly gid: number };
  /** Where its overlay is mounted; needed when the root is one. */
  readonly overlay?: string;
}

/** The first line of every configuration that godwit owns; a file without it is somebody else's and never overwritten. */
export const CONFIG_MARK = '# Written by godwit from the domain XML; changes here are lost.';

/** What a container that godwit made has, and an adopted one may have otherwise. */
export const USUAL: readonly Line[] = [
  // Only the container's own /dev: a dump cannot look up a terminal or a device node of the host.
  ['lxc.autodev', '1'],
  ['lxc.tty.max', '0'],
  ['lxc.mount.auto', 'proc:mixed sys:mixed'],
];

/**
 * The LXC configuration of a container. Every value is checked for its kind or quoted, so that no value can add a line.
 * @throws GodwitError UNSUPPORTED for what LXC or a dump cannot express
 */
export function formatConfig(spec: DomainSpec, node: NodeFacts): string {
  const kept = (spec.lxc ?? []).map(({ key, value }): Line => [key, value]);
  const usual = ([key]: Line) => !kept.some(([name]) => name === key);
  const lines: Line[] = [
    // First, so that what the description itself says comes after it.
    ...(spec.includes ?? []).map((file): Line => ['lxc.include', cleanPath(file, 'include')]),
    ...[['lxc.uts.name', spec.name] as const].filter(usual),
    ...(spec.arch === undefined ? [] : [['lxc.arch', matching(spec.arch, /^\w+$/, 'arch')] as const]),
    ['lxc.rootfs.path', `dir:${rootSource(spec, node)}`],
    ...initLines(spec, node).filter(usual),
    ...USUAL.filter(usual),
    ...(spec.console ? [] : [['lxc.console.path', 'none'] as const]).filter(usual),
    ...capabilityLine(spec.capabilities),
    ...idmapLines(spec),
    ...labelLines(spec, node.appArmor),
    ...limitLines(spec, node),
    ...mountEntries(spec, node.fileSources).map((entry): Line => ['lxc.mount.entry', entry]),
    ...networkLines(spec, node.networks),
    ...kept
      .filter((line) => isForNode(line, node))
      .map(([key, value]): Line => [matching(key, /^lxc\.[\w./-]+$/, 'setting'), value]),
  ];
  return [CONFIG_MARK, ...lines.map(quoted), ''].join('\n');
}

function initLines({ os }: DomainSpec, { initIds }: NodeFacts): Line[] {
  const command = initCommandLine(initArgv(os));
  if (os.initUser && !initIds) throw unsupported('the user and group of the init are not known');
  return [
    ...(command === undefined ? [] : [['lxc.init.cmd', command] as const]),
    ...(os.initDir === undefined ? [] : [['lxc.init.cwd', cleanPath(os.initDir, 'initdir')] as const]),
    ...(initIds
      ? [['lxc.init.uid', String(initIds.uid)] as const, ['lxc.init.gid', String(initIds.gid)] as const]
      : []),
    ...os.initEnv.map(
      ({ name, value }): Line => [
        'lxc.environment',
        `${matching(name, /^[A-Za-z_]\w*$/, 'initenv name')}=${value}`,
      ],
    ),
    // LXC finds out by itself how to halt systemd (SIGRTMIN+3) and else sends SIGPWR, which only real inits understand.
    ...(/\/(init|systemd)$/.test(os.init) ? [] : [['lxc.signal.halt', 'SIGTERM'] as const]),
  ];
}

/** LXC 7 refuses every limit for cgroup v1; there the agent writes them itself (see limits.ts), as after a restore. */
function limitLines(spec: DomainSpec, { cgroup, devices }: NodeFacts): Line[] {
  if (cgroup === 'v1') return [];
  // What has a name for each I/O scheduler is left to the agent, and so is what stands among the kept settings already.
  return limitFiles({ ...spec, lxc: [] }, 'v2', devices)
    .filter(({ files }) => files.length === 1)
    .map(({ files, value }) => [`lxc.cgroup2.${files[0]}`, value]);
}

/** Kept limits are written like those of the description; device rules have no file in v2, there they are LXC's matter. */
function isForNode([key]: Line, { cgroup }: NodeFacts): boolean {
  if (key.startsWith('lxc.cgroup.')) return false;
  return cgroup === 'v2' || !key.startsWith('lxc.cgroup2.');
}

function rootSource({ root, policy }: DomainSpec, { overlay }: NodeFacts): string {
  if (root.readonly)
    throw unsupported('a read-only root file system cannot be restored through lxc-checkpoint');
  if (policy.lower && overlay === undefined) throw unsupported('where the overlay is mounted is not known');
  return cleanPath((policy.lower && overlay) ?? root.source, 'root source');
}
