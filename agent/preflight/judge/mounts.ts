import type { ContainerLook } from '../look/look.ts';
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
    ...terminalsOfNode(look).map((what): Finding => ({ code: 'TERMINAL_OF_NODE', what })),
  ];
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

function enabledTypes(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => (arg === '--enable-fs' ? (args[index + 1] ?? '').split(',') : []));
}
