import type { Refusal } from '../../protocol/mod.ts';
import { COPIED_REFUSALS } from './copied-refusals.ts';
import { entry, OVERRIDABLE, type RefusalEntry } from './refusal-entry.ts';

/** Every reason pre-flight knows, by its stable code. README.md in this folder lists the same; a test keeps them equal. */
export const REFUSALS = {
  ARCH_DIFFERS: entry(
    'the processor architectures differ: {what}',
    'Choose a node of the same architecture.',
  ),
  CPU_FLAGS_MISSING: entry(
    'the CPU lacks what the source has: {what}',
    'Programs that found these features at their start may die of SIGILL. Choose a node with the same CPU, or use --unsafe when the container does not use them.',
    OVERRIDABLE,
  ),
  KERNEL_TOO_OLD: entry('the kernel is too old: {what}', 'Install a newer kernel.'),
  KERNEL_OLDER: entry(
    'the kernel is older than the one the container runs on: {what}',
    'Programs may hold objects that the older kernel does not know; upgrade the node, or use --unsafe.',
    OVERRIDABLE,
  ),
  CRIU_KERNEL_BROKEN: entry(
    'this criu is known not to work on this kernel: {what}',
    'Install criu 4.2.1 or newer.',
  ),
  CRIU_MISSING: entry(
    'criu is not there or does not start',
    'Install criu; `godwit doctor` shows what fails.',
  ),
  CRIU_TOO_OLD: entry('criu is too old: {what}', 'Install criu 4.1 or newer.'),
  CRIU_WIRE_DIFFERS: entry(
    'the two criu versions cannot exchange pages: {what}',
    "criu 4.2 changed its page server's header; install the same criu on both nodes.",
  ),
  CRIU_OLDER: entry(
    'criu is older than at the source: {what}',
    'An older criu may not know every image of a newer one; upgrade it, or use --unsafe.',
    OVERRIDABLE,
  ),
  FEATURE_MISSING: entry(
    'the kernel cannot do what this mode needs: {what}',
    'mem_dirty_track needs a kernel with CONFIG_MEM_SOFT_DIRTY (those of Debian, Ubuntu and Fedora have it), uffd-noncoop one with CONFIG_USERFAULTFD, uffd-unprivileged (for mapped users) sysctl vm.unprivileged_userfaultfd=1; or choose another mode.',
  ),
  PIPE_SIZE_SMALL: entry(
    'pipes are limited to {what}, criu cannot serve pages',
    'sysctl -w fs.pipe-max-size=67108864, or give the agent CAP_SYS_RESOURCE.',
  ),
  LXC_MISSING: entry('LXC is not there or does not start', 'Install lxc; `godwit doctor` shows what fails.'),
  LXC_OLDER: entry(
    "LXC's major version is lower than at the source: {what}",
    'It may refuse keys of the container; upgrade it, or use --unsafe.',
    OVERRIDABLE,
  ),
  CGROUP_DIFFERS: entry(
    'the cgroup versions differ: {what}',
    'Boot both nodes with the same hierarchy (systemd.unified_cgroup_hierarchy=).',
  ),
  BRIDGE_MISSING: entry('no such bridge: {what}', 'Create the bridge on the node, or change the interface.'),
  NETWORK_UNKNOWN: entry(
    'the node knows no bridge for the network: {what}',
    'Name its bridge under [networks] in agent.toml of that node.',
  ),
  TOPOLOGY_DIFFERS: entry(
    'the node does not have what the container is bound to: {what}',
    'Choose a node with the same processors and memory nodes, or change <vcpu cpuset> and <numatune>.',
  ),
  LIMIT_UNAVAILABLE: entry(
    'the kernel has no such limit: {what}',
    'blkio.weight needs the scheduler BFQ, memsw and memory.swap.max swap accounting; or remove the limit from the container (also from groups in it, such as those of systemd units).',
  ),
  LABEL_UNAVAILABLE: entry(
    "the container's security label needs {what}, which is off",
    'Turn it on, or remove <seclabel> from the container.',
  ),
  MOUNT_SOURCE_MISSING: entry(
    'the source of a bind mount is missing: {what}',
    'Provide the directory on the node, or remove the file system from the container.',
  ),
  ROOTFS_MISSING: entry(
    'the root file system is missing: {what}',
    'Policy `shared` needs the same directory on both nodes: mount the shared file system.',
  ),
  ROOTFS_DIFFERS: entry(
    'the root file system is not the same as at the source: {what}',
    'Policy `shared` needs one shared file system, mounted at the same path.',
  ),
  ROOTFS_COPIED: entry(
    'the root file system looks like a copy of the one at the source: {what}',
    'Writes since the copy would be missing. Share it, or use --unsafe when your file system numbers inodes per node.',
    OVERRIDABLE,
  ),
  ...COPIED_REFUSALS,
  MEMORY_ROOM: entry('not enough memory: {what}', 'Free memory on the node, or choose another one.'),
  MEMORY_LIMIT: entry(
    "the container's memory limit is more than the node has: {what}",
    'It would fit now, but not if it grew to its limit; lower the limit, or use --unsafe.',
    OVERRIDABLE,
  ),
  RUN_DIR_ROOM: entry('not enough room for images: {what}', 'Give the run directory a larger tmpfs.'),
  RUN_DIR_DISK: entry(
    'the run directory is not on tmpfs: {what}',
    'Images would go to disk and criu would probe the kernel anew in each call; mount a tmpfs there, or use --unsafe.',
    OVERRIDABLE,
  ),
  STORE_ROOM: entry(
    'the store of checkpoints may not have enough room: {what}',
    'Free room in it (`godwit checkpoints prune`), or use --unsafe when the memory compresses well.',
    OVERRIDABLE,
  ),
  ROOTFS_IN_USE: entry(
    'a running container has the same root directory: {what}',
    'Give the clone a copy of it (--root DIR), or use --unsafe when neither writes to it.',
    OVERRIDABLE,
  ),
  NAME_IN_USE: entry(
    'a container of this name is there already: {what}',
    'Rename or remove it on that node.',
  ),
  ADDRESS_IN_USE: entry(
    "the container's address is used by something else: {what}",
    'Two holders of one address would break both; change one of them.',
  ),
  MAC_IN_USE: entry(
    "the container's MAC address is used by something else: {what}",
    'Give one of the two another MAC address.',
  ),
  COPY_ANSWERS: entry(
    "the container's own interface answers on the link, though its node is said to be dead: {what}",
    'Its old copy may run on. End it there or cut that node off, or use --unsafe when it is certain that something else answers.',
    OVERRIDABLE,
  ),
  CLOCK_SKEW: entry(
    'the clocks differ: {what}',
    'Timers and time stamps in the container would jump; run NTP on both nodes, or use --unsafe.',
    OVERRIDABLE,
  ),
  NODE_EXCLUDED: entry('the node is left out of this search: {what}', 'Name it to move there all the same.'),
  LABELS_MISSING: entry(
    'the node lacks labels that the container asks for: {what}',
    "Set them under [labels] in agent.toml of that node, or change <placement require='…'>.",
  ),
  MEMORY_PROMISED: entry(
    'the memory is promised to other containers: {what}',
    'Promises lapse after some seconds; try again.',
  ),
  GROUP_APART: entry(
    'another container of its group is there: {what}',
    "<placement apart='require'> forbids it; name the node, or use apart='prefer'.",
  ),
  GROUP_TOGETHER: entry(
    'its group is elsewhere: {what}',
    "<placement together='require'> forbids it; name the node, or use together='prefer'.",
  ),
  NODE_CORDONED: entry('the node is {what}', '`godwit node uncordon NODE` opens it again.'),
  JOB_RUNNING: entry('the container is part of another job: {what}', 'Wait for it: `godwit job watch JOB`.'),
  JOBS_FULL: entry('the node has enough to do: {what}', 'Try again when one of its moves has ended.'),
  SAME_NODE: entry('the container is on this node already', 'Name another node.'),
  DATA_PORT_UNREACHABLE: entry(
    "the target's data port cannot be reached: {what}",
    'Open it in the firewall (default 7433), and check the address the node announces.',
  ),
  NOT_RUNNING: entry('the container does not run: {what}', 'Start it, or define it on the other node.'),
  LOOK_INCOMPLETE: entry(
    'not everything in the container could be looked at: {what}',
    'criu may still refuse it; the container then just runs on. Use --unsafe to try.',
    OVERRIDABLE,
  ),
  IO_URING: entry(
    'criu cannot dump io_uring: {what}',
    'Turn it off in the program (Node.js: UV_USE_IO_URING=0), or for the host with sysctl kernel.io_uring_disabled=2.',
  ),
  ANON_INODE: entry(
    'criu cannot dump these kernel objects: {what}',
    'Stop the program that holds them, or turn the feature off in it. For systemd (bpf-prog): `godwit prepare-rootfs NAME --apply`, and restart the container.',
  ),
  FILE_OUTSIDE: entry(
    "files outside the container's mounts are open: {what}",
    'Close them, or start the container with stdin, stdout and stderr on /dev/null or on files of its own root. A login session that is older than its systemd-logind holds one: end it and log in anew.',
  ),
  GHOST_TOO_LARGE: entry(
    'deleted files that are still open are too large to carry along: {what}',
    'Close them (restart the program), or raise the ghost limit.',
  ),
  DEVICE_OPEN: entry('criu cannot dump these devices: {what}', 'Stop the program that uses the device.'),
  SOCKET_KIND: entry(
    'criu cannot dump sockets of this kind: {what}',
    'Stop the program that uses them, or let it use TCP, UDP or unix sockets (Go: GODEBUG=multipathtcp=0).',
  ),
  UNIX_OUTSIDE: entry(
    'unix sockets are connected to processes outside the container: {what}',
    'Close the connection (a bind-mounted socket of the host, such as a log or database socket).',
  ),
  MOUNT_KIND: entry(
    'criu cannot dump these mounts: {what}',
    'Unmount them inside the container. Where users are mapped, services of systemd have credentials on a ramfs: for those of systemd itself `godwit prepare-rootfs NAME --apply`, for others `ImportCredential=`, `LoadCredential=` and `SetCredential=` in a drop-in each, and restart the container.',
  ),
  MOUNT_SHARING: entry(
    'criu cannot restore how these mounts propagate: {what}',
    'Services with mounts of their own (ProtectSystem=, PrivateTmp= …) need `MountFlags=slave` in a drop-in each; for those of systemd itself: `godwit prepare-rootfs NAME --apply`. Then restart the container. Or use --unsafe to try.',
    OVERRIDABLE,
  ),
  MOUNT_WITHOUT_ROOT: entry(
    'criu cannot restore parts of a file system that is mounted nowhere as a whole: {what}',
    'Services with `PrivateTmp=disconnected` have such: give them `PrivateTmp=no` in a drop-in each; for those of systemd itself: `godwit prepare-rootfs NAME --apply`. Then restart the container. Or use --unsafe to try.',
    OVERRIDABLE,
  ),
  TERMINAL_OF_NODE: entry(
    'terminals of the node are mounted in the container: {what}',
    'Unmount them inside the container, and set lxc.tty.max = 0 for its next start: only its console can move.',
  ),
  CONSOLE_OPEN: entry(
    "criu cannot dump a task that holds LXC's console: {what}",
    "Let it write into a file, or to syslog, and restart it; systemd's login there ends with `systemctl mask --now console-getty.service` in the container, or with `godwit prepare-rootfs NAME --apply` and a restart. Or take <console> out of the definition and start it anew.",
  ),
  TERMINAL_OPENED: entry(
    'criu hardly ever dumps a terminal that was opened as /dev/tty: {what}',
    'End that program; in a login use bash instead of dash, which opens /dev/tty for its job control. Or use --unsafe to try.',
    OVERRIDABLE,
  ),
  NAMESPACE_NESTED: entry(
    'criu cannot dump nested namespaces of this kind: {what}',
    'Only mount and network namespaces may be nested. For services of systemd: `godwit prepare-rootfs NAME --apply`, and restart the container.',
  ),
  TRACED: entry('processes are being traced: {what}', 'Detach the debugger (gdb, strace).'),
  TASK_STUCK: entry(
    'tasks hang in the kernel (state D) and cannot be frozen: {what}',
    'Something they wait for does not answer, often storage; look at dmesg, or use --unsafe to try.',
    OVERRIDABLE,
  ),
  TASK_FOREIGN: entry(
    'processes were put into the container from outside and cannot move with it: {what}',
    'End them (lxc-attach, `godwit exec`), or use --unsafe to lose them.',
    OVERRIDABLE,
  ),
  TASK_OUTSIDE_CGROUP: entry(
    'processes of the container are outside its cgroup and would not freeze with it: {what}',
    'Move them back, or restart them.',
  ),
  LOCK_OUTSIDE: entry(
    'file locks are shared with processes outside the container: {what}',
    'The lock cannot be had again elsewhere; end the outside process, or use --unsafe.',
    OVERRIDABLE,
  ),
  LOCK_OF_PROCESS: entry(
    'locks of processes (fcntl) on shared files would keep the restore waiting: {what}',
    'The frozen source holds them until the target is ready, and nobody can release them from outside. Lock with flock() or OFD locks, or keep the file on a tmpfs of the container.',
  ),
  PRESSURE_WATCH: entry(
    'a pressure (PSI) trigger would be lost and its owner would spin: {what}',
    'For systemd: `godwit prepare-rootfs NAME --apply`, and restart the container; or use --unsafe.',
    OVERRIDABLE,
  ),
  TIMER_PERIODIC: entry(
    'periodic timers (timerfd) may stop for ever in a restore: {what}',
    'criu disarms one that expires while its reader is frozen. Let the program arm it again after each tick, or use --unsafe when it can do without.',
    OVERRIDABLE,
  ),
  USER_MANAGER: entry(
    'what keeps a PAM session of systemd open does not survive a restore: {what}',
    '`godwit prepare-rootfs NAME --apply`, and restart the container; or use --unsafe to try.',
    OVERRIDABLE,
  ),
  WATCHDOG_UNHEARD: entry(
    'init would not hear these services after a restore, and its watchdogs would kill them: {what}',
    'systemd knows a main process by a number that is another one then, unless its unit has NotifyAccess=all: `godwit prepare-rootfs NAME --apply`, and restart the container; or use --unsafe where the units have it.',
    OVERRIDABLE,
  ),
  MEMORY_EVENTS: entry(
    'a restore would not find the watched files of memory groups: {what}',
    'systemd watches units with MemoryAccounting= or MemoryMax=: `godwit prepare-rootfs NAME --apply`, take MemoryMax= out of the units, and restart the container; or use --unsafe to try.',
    OVERRIDABLE,
  ),
  LIMITS_HIDDEN: entry(
    "criu may not read the resource limits of other users' processes: {what}",
    'Give the agent CAP_SYS_RESOURCE (a container that is a node often lacks it), or let everything in the container run as root.',
  ),
} as const satisfies Record<string, RefusalEntry>;

export type RefusalCode = keyof typeof REFUSALS;

/** One refusal by `node`, with the catalogue's words. */
export function refuse(code: RefusalCode, node: string, what = ''): Refusal {
  const { message, hint, overridable }: RefusalEntry = REFUSALS[code];
  return { code, message: message.replace('{what}', () => what), hint, node, overridable };
}

/** What still stands when the operator said --unsafe (or did not). */
export function standing(refusals: readonly Refusal[], unsafe: boolean): Refusal[] {
  return refusals.filter((refusal) => !(unsafe && refusal.overridable));
}
