import type { ContainerLook } from '../look/look.ts';
import type { MountFacts } from '../look/mounts.ts';
import type { Finding } from './finding.ts';

/** File systems criu mounts anew at restore. */
const DUMPABLE = new Set(
  `proc sysfs devtmpfs binfmt_misc tmpfs devpts simfs btrfs pstore mqueue securityfs fusectl debugfs tracefs cgroup
  cgroup2 aufs overlay autofs`.split(/\s+/),
);

/**
 * Mounts criu refuses: of a kind it does not know (FUSE, NFS, a block device mounted inside …), unless the same device
 * is mounted on the node as well, which makes it an external mount (`--ext-mount-map auto`).
 */
export function mountFindings(look: ContainerLook): Finding[] {
  const known = new Set([...DUMPABLE, ...enabledTypes(look.criuArgs)]);
  const onNode = new Set(look.nodeDevices);
  const bad = look.mounts.filter(
    (mount) => mount.point !== '/' && !known.has(mount.type) && !onNode.has(mount.device),
  );
  return [
    ...bad.map((mount): Finding => ({ code: 'MOUNT_KIND', what: `${mount.type} on ${mount.point}` })),
    ...withoutRoot(look.mounts, onNode).map(
      ({ root, point }): Finding => ({ code: 'MOUNT_WITHOUT_ROOT', what: `${root} on ${point}` }),
    ),
    ...terminalsOfNode(look).map((what): Finding => ({ code: 'TERMINAL_OF_NODE', what })),
    ...apart(look.mounts).map(
      ({ root, point }): Finding => ({
        code: 'MOUNT_SHARING',
        what: `${root} on ${point}`,
      }),
    ),
  ];
}

/** criu mounts a tmpfs as a whole and binds its parts from there: where nothing shows the whole, it has nothing to bind. */
function withoutRoot(mounts: readonly MountFacts[], onNode: ReadonlySet<string>): MountFacts[] {
  const whole = new Set(mounts.filter(({ root }) => root === '/').map(({ device }) => device));
  return mounts.filter(({ type, device }) => type === 'tmpfs' && !whole.has(device) && !onNode.has(device));
}

/**
 * Terminals that LXC made on the node and mounted into the container (lxc.tty.max): another node has none of that number,
 * or somebody else's. The console is LXC's own matter in a restore.
 */
function terminalsOfNode({ mounts }: ContainerLook): string[] {
  const own = new Set(
    mounts.filter(({ type, root }) => type === 'devpts' && root === '/').map(({ device }) => device),
  );
  return mounts
    .filter(({ type, root, device }) => type === 'devpts' && /^\/\d+$/.test(root) && !own.has(device))
    .map(({ point }) => point)
    .filter((point) => point !== '/dev/console');
}

/**
 * Mounts that propagate alike but have no common directory: criu gives all of a group the propagation of the one with the
 * shortest root, which the kernel allows only for what lies below that.
 */
function apart(mounts: readonly MountFacts[]): MountFacts[] {
  const groups = new Map<string, MountFacts[]>();
  for (const mount of mounts) {
    const { shared, master } = mount;
    if (shared === undefined && master === undefined) continue;
    const key = `${shared} ${master}`;
    groups.set(key, [...(groups.get(key) ?? []), mount]);
  }
  const inside = new Set(mounts.map(({ shared }) => shared));
  return [...groups.values()].flatMap((group) => {
    const [first, ...others] = group.toSorted((a, b) => a.root.length - b.root.length);
    // Of a master outside the container each gets its propagation directly.
    if (!first || (first.shared === undefined && !inside.has(first.master))) return [];
    const top = first.root.replace(/\/$/, '');
    return others.filter(({ root }) => root !== first.root && !root.startsWith(`${top}/`));
  });
}

function enabledTypes(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => (arg === '--enable-fs' ? (args[index + 1] ?? '').split(',') : []));
}
