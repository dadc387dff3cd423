/** How a move begins once more. */
export type Again = 'as it was' | 'without rounds';

/** What criu's error line means and how to cure it. */
export interface Cure {
  readonly sign: RegExp;
  readonly cure: string;
  /** A move that fails of it begins once more: as it was, for the next try hardly meets it again, or without its rounds. */
  readonly again?: Again;
}

/** Error lines that criu writes although nothing is wrong. */
export const NOISE: readonly RegExp[] = [
  /rlimit: Can't setup RLIMIT_NOFILE/,
  /tun: Unable to create tun/,
  /Hardware breakpoints don't seem to work/,
];

/** Known failures, the more telling ones first. */
export const CURES: readonly Cure[] = [
  {
    sign: /Can't get 1:16 opt/,
    cure: 'This CRIU cannot dump sockets on a kernel from 6.16 on (SO_PASSCRED): install CRIU 4.2 or later.',
  },
  {
    sign: /Unexpected rt vDSO area bounds|vdso: ELF header magic mismatch/,
    cure: 'This CRIU is too old for the running kernel (its vDSO is larger): install CRIU 4.1 or later.',
  },
  {
    sign: /page-pipe: splice:|Can't splice (?:all )?pages to pipe/,
    cure: 'The pipes of this kernel are too small for CRIU: `sysctl -w fs.pipe-max-size=67108864`.',
  },
  {
    sign: /Can't lookup mount=\S+ for fd=[012]\b/,
    cure: 'Standard input or output of the container is a file of the host: start it with all three on /dev/null.',
  },
  {
    sign: /Can't lookup mount=/,
    cure: 'A process holds a file outside the mounts of the container: close it, or bind-mount its directory.',
  },
  {
    sign: /ctty inheritance detected/,
    cure: 'A process has opened /dev/tty, as the shell dash does in a login: end it, or use bash there.',
  },
  {
    sign: /External socket is used|Can't dump half of stream unix connection/,
    cure: 'A process is connected to a unix socket outside the container (D-Bus, syslog, docker): close that connection.',
  },
  {
    sign: /io_uring/,
    cure: 'A process uses io_uring, which CRIU cannot dump: switch it off in the program (Node: UV_USE_IO_URING=0).',
  },
  {
    sign: /Can't dump ghost file .* increase limit/,
    cure: 'A deleted file that is still open is larger than 1 MiB: close it, or raise --ghost-limit in /etc/criu/default.conf.',
  },
  {
    sign: /Can't dump file \d+ of that type/,
    cure: 'A process holds a file of a kind that CRIU cannot dump (a device, an unusual descriptor): close it first.',
  },
  {
    sign: /execvp\("ip6?tables-[\w-]*", \.\.\.\) failed|ip6?tables-restore returned/,
    cure: 'CRIU locks the network with iptables, which does not work here: install the package iptables.',
  },
  {
    sign: /No space left on device/,
    cure: 'The file system of the images is full: free memory (they live on a tmpfs), or raise its size.',
  },
  {
    sign: /Can't add interface .* to bridge/,
    cure: 'The bridge of the container does not exist on this node: create it under the same name as on the source.',
  },
  {
    // It waits until the child that borrows its memory goes on, which criu has stopped.
    sign: /Unseizable non-zombie \d+ found, state D/,
    cure: 'A process was starting another one (vfork) just then, which CRIU cannot stop: the container runs on, move it again.',
  },
  {
    // SCM_CREDENTIALS and the like, in datagrams that nobody has read yet.
    sign: /Control messages in queue/,
    cure: 'A message that tells who sent it (to syslog, the journal, systemd) was waiting in a unix socket just then, which CRIU cannot dump: the container runs on, move it again.',
    again: 'as it was',
  },
  {
    // Whoever has subscribed to changes of the network is told of one by the kernel, frozen or not.
    sign: /netlink: The socket has data to read/,
    cure: 'News of the kernel (an address, an interface) was waiting in a netlink socket just then, which CRIU cannot dump: the container runs on, move it again.',
    again: 'as it was',
  },
  {
    // A page of an earlier round is gone (criu#2995 and others).
    sign: /in parent pagemap/,
    cure: 'The pre-dumps do not fit together: move again with --iterations 0 or --mode cold.',
    again: 'without rounds',
  },
  {
    sign: /Tracking memory is not available/,
    cure: 'The kernel does not track dirty memory (CONFIG_MEM_SOFT_DIRTY): use --mode postcopy or cold.',
  },
  {
    sign: /Can't open file dev\/.* on restore: Operation not permitted/,
    cure: 'A process has a device open that the device rules of its cgroup have forbidden since: restart it, or allow the device (systemd: DeviceAllow=).',
  },
  {
    sign: /File .* has bad (?:size|mode)|Can't open file .* on restore/,
    cure: 'The root file systems of the two nodes differ: share it, or bring the target up to date.',
  },
  {
    sign: /CPU (?:instruction )?capabilities do not match/,
    cure: "The target's CPU lacks instructions that the source has: move to a node with the same CPU.",
  },
  {
    sign: /Can't fork for \d+: File exists/,
    cure: "A pid of the container is taken: the node's pid 1 must reap orphans (tini, systemd), and no second copy may run.",
  },
  {
    sign: /Address already in use/,
    cure: 'The port is taken by another process: see `ss -ltnp`.',
  },
  {
    sign: /No lazy-pages socket/,
    cure: 'The lazy-pages daemon of this restore was not there: see its log beside this one.',
  },
  {
    sign: /Timeout reached\. Try to interrupt|Unseizable non-zombie/,
    cure: 'A task does not stop: it hangs in the kernel (state D: a dead network file system, or in the middle of a vfork). Try again.',
  },
  {
    // Two descriptors of one file are one to it, and the first it saw was opened for its path only.
    sign: /PR_SET_MM_MAP\) failed with -9/,
    cure: 'A process runs a program that another one holds open by its path (systemd: `(sd-pam)`): `godwit prepare-rootfs NAME --apply`.',
    // Each service that systemd starts does so until it has become its program.
    again: 'as it was',
  },
  {
    sign: /Can't copy sharing from/,
    cure: 'Two services of systemd have mounts of their own: give each a drop-in with MountFlags=slave, and restart the container.',
  },
  {
    sign: /criu itself is within dumped tree/,
    cure: 'The process to dump is an ancestor of CRIU: start it in a session of its own.',
  },
  {
    sign: /Script .* exited with/,
    cure: 'godwit itself ended this: the cause stands in the job record.',
  },
];
