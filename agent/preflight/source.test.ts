import { describe, expect, it } from 'vitest';
import type { SourceFacts } from './facts.ts';
import type { ContainerLook } from './look/look.ts';
import type { MountFacts } from './look/mounts.ts';
import { lookRefusals, sourceRefusals } from './source.ts';
import { CAPABLE, INIT, LOOK, SOURCE } from './testing.ts';

const file = (part: Partial<ContainerLook['files'][number]>) => ({
  files: [{ pid: 101, fd: 9, link: '/x', mountId: 30, ...part }],
});
const task = (part: Partial<typeof INIT>) => ({
  tasks: [INIT, { ...INIT, pid: 101, name: 'worker', ...part }],
});
const socket = (protocol: string) => ({ sockets: [{ pid: 101, fd: 3, inode: 900, protocol }] });

describe('lookRefusals', () => {
  it('has nothing against an ordinary container', () => {
    expect(lookRefusals('n1', LOOK)).toEqual([]);
  });

  const cases: readonly [string, Partial<ContainerLook>, string[]][] = [
    ['an io_uring descriptor', file({ link: 'anon_inode:[io_uring]' }), ['IO_URING']],
    ['an io_uring that is only mapped', { mappedRings: [101] }, ['IO_URING']],
    ['a BPF program', file({ link: 'anon_inode:bpf-prog' }), ['ANON_INODE']],
    ['a BPF map', file({ link: 'anon_inode:bpf-map' }), []],
    ['a performance counter', file({ link: 'anon_inode:[perf_event]' }), ['ANON_INODE']],
    ['a userfaultfd', file({ link: 'anon_inode:[userfaultfd]' }), ['ANON_INODE']],
    ['a periodic timer', file({ link: 'anon_inode:[timerfd]', timerMs: 500 }), ['TIMER_PERIODIC']],
    ['a rare timer', file({ link: 'anon_inode:[timerfd]', timerMs: 60_000 }), []],
    ['a timer for one time', file({ link: 'anon_inode:[timerfd]' }), []],
    ['a process descriptor', file({ link: 'pidfd:[77]' }), []],
    ['secret memory', file({ link: '/secretmem (deleted)' }), ['ANON_INODE']],
    ['shared anonymous memory', file({ link: '/dev/zero (deleted)' }), []],
    ['a file of another mount namespace', file({ mountId: 999 }), ['FILE_OUTSIDE']],
    ['a host terminal', file({ link: '/dev/pts/3', mountId: 999 }), ['FILE_OUTSIDE']],
    ['the namespace of a task', file({ link: 'net:[2]' }), []],
    ['the namespace of a stranger', file({ link: 'net:[99]' }), ['FILE_OUTSIDE']],
    ['a large deleted file', file({ link: '/x (deleted)', ghostBytes: 2_000_000 }), ['GHOST_TOO_LARGE']],
    [
      'a large deleted file within the limit',
      { ...file({ link: '/x (deleted)', ghostBytes: 2_000_000 }), criuArgs: ['--ghost-limit', '4000000'] },
      [],
    ],
    ['a GPU', file({ link: '/dev/nvidia0', device: 'chr 195:0' }), ['DEVICE_OPEN']],
    ['/dev/fuse', file({ link: '/dev/fuse', device: 'chr 10:229' }), ['DEVICE_OPEN']],
    ['a disk', file({ link: '/dev/sda', device: 'blk 8:0' }), ['DEVICE_OPEN']],
    ['a tun device', file({ link: '/dev/net/tun', device: 'chr 10:200' }), []],
    ['a pseudo terminal with a high number', file({ link: '/dev/pts/300', device: 'chr 137:44' }), []],
    ['a PSI trigger', file({ link: '/sys/fs/cgroup/memory.pressure' }), ['PRESSURE_WATCH']],
    ["LXC's console", file({ link: '/dev/console', device: 'chr 136:2' }), ['CONSOLE_OPEN']],
    ['another of many', file({ link: '/dev/console', device: 'chr 143:2' }), ['CONSOLE_OPEN']],
    ['a plain file in its place', file({ link: '/dev/console' }), []],
    ['the console device itself in its place', file({ link: '/dev/console', device: 'chr 5:1' }), []],
    ['/dev/null in its place', file({ link: '/dev/console', device: 'chr 1:3' }), []],
    ['the terminal it has as /dev/tty', file({ link: '/dev/tty' }), ['TERMINAL_OPENED']],
    ['a watch on memory.events', file({ link: 'anon_inode:inotify', watched: [5, 4711] }), ['MEMORY_EVENTS']],
    ['a watch on something else', file({ link: 'anon_inode:inotify', watched: [5] }), []],
    ['limits that criu cannot read', { hiddenLimits: [101] }, ['LIMITS_HIDDEN']],
    ['a lock shared with the outside', { ...file({ lockPids: [4] }), outsideLockers: [4] }, ['LOCK_OUTSIDE']],
    ['a lock whose taker has ended', file({ lockPids: [4] }), []],
    ['vsock', socket('AF_VSOCK'), ['SOCKET_KIND']],
    ['kernel crypto', socket('ALG'), ['SOCKET_KIND']],
    ['SCTP', socket('SCTPv6'), ['SOCKET_KIND']],
    ['multipath TCP', socket('MPTCP'), ['SOCKET_KIND']],
    ['raw IPv6', socket('RAWv6'), []],
    ['packet', socket('PACKET'), []],
    ['a unix peer outside', { unixPairs: [{ inode: 900, peer: 5, path: '/run/log' }] }, ['UNIX_OUTSIDE']],
    [
      'a unix peer inside',
      {
        sockets: [...LOOK.sockets, { pid: 100, fd: 8, inode: 5 }],
        unixPairs: [{ inode: 900, peer: 5, path: '' }],
      },
      [],
    ],
    [
      'FUSE',
      { mounts: [...LOOK.mounts, { id: 40, device: '0:77', root: '/', point: '/mnt', type: 'fuse.sshfs' }] },
      ['MOUNT_KIND'],
    ],
    [
      'two services with mounts of their own',
      { mounts: [...LOOK.mounts, RUN, incoming('a'), incoming('b')] },
      ['MOUNT_SHARING'],
    ],
    [
      'two, one of which hears of all of /run',
      { mounts: [...LOOK.mounts, RUN, incoming('a'), { ...incoming('b'), root: '/' }] },
      [],
    ],
    [
      'mounts of a master on the node',
      { mounts: [...LOOK.mounts, incoming('a'), incoming('b')], nodeDevices: ['8:1', RUN.device] },
      [],
    ],
    [
      'parts of a tmpfs that is nowhere as a whole',
      { mounts: [...LOOK.mounts, incoming('a')] },
      ['MOUNT_WITHOUT_ROOT'],
    ],
    [
      'a bind of a disk the node mounts',
      { mounts: [...LOOK.mounts, { id: 40, device: '8:1', root: '/srv/d', point: '/data', type: 'ext4' }] },
      [],
    ],
    [
      'a terminal of the node',
      {
        mounts: [
          ...LOOK.mounts,
          { id: 40, device: '0:60', root: '/', point: '/dev/pts', type: 'devpts' },
          { id: 41, device: '0:60', root: '/3', point: '/own', type: 'devpts' },
          { id: 42, device: '0:21', root: '/0', point: '/dev/console', type: 'devpts' },
          { id: 43, device: '0:21', root: '/1', point: '/dev/tty1', type: 'devpts' },
        ],
      },
      ['TERMINAL_OF_NODE'],
    ],
    [
      'hugetlbfs, which is enabled',
      {
        mounts: [
          ...LOOK.mounts,
          { id: 40, device: '0:88', root: '/', point: '/dev/hugepages', type: 'hugetlbfs' },
        ],
      },
      [],
    ],
    [
      'a nested UTS namespace',
      task({ namespaces: { ...INIT.namespaces, uts: 'uts:[30]' } }),
      ['NAMESPACE_NESTED'],
    ],
    [
      'a nested pid namespace',
      task({ namespaces: { ...INIT.namespaces, pid: 'pid:[50]' } }),
      ['NAMESPACE_NESTED'],
    ],
    [
      'nested mount and network namespaces',
      task({ namespaces: { ...INIT.namespaces, mnt: 'mnt:[10]', net: 'net:[20]' } }),
      [],
    ],
    ['a debugger', task({ tracer: 7 }), ['TRACED']],
    ['a hanging task', { stuck: [101] }, ['TASK_STUCK']],
    ['an attached shell', task({ inTree: false }), ['TASK_FOREIGN']],
    [
      'what an attached shell holds',
      { ...task({ inTree: false }), ...file({ mountId: 999 }) },
      ['TASK_FOREIGN'],
    ],
    ['a task in another cgroup', task({ inCgroup: false }), ['TASK_OUTSIDE_CGROUP']],
    ['a zombie', task({ inCgroup: false, state: 'Z', namespaces: {} }), []],
    ['a systemd user manager', task({ name: '(sd-pam)' }), ['USER_MANAGER']],
    ['a look that was cut short', { omitted: ['descriptors over 65536'] }, ['LOOK_INCOMPLETE']],
  ];
  it.each(cases)('%s', (_what, change, codes) => {
    expect(lookRefusals('n1', { ...LOOK, ...change }).map((refusal) => refusal.code)).toEqual(codes);
  });

  it('makes one refusal of many cases and says which process holds what', () => {
    const files = [0, 1, 2, 7, 8].map((fd) => ({ pid: 101, fd, link: '/null', mountId: 999 }));
    const [refusal, ...more] = lookRefusals('n1', { ...LOOK, files });
    expect(more).toEqual([]);
    expect(refusal?.message).toBe(
      "files outside the container's mounts are open: /null at stdin of worker (pid 101), /null at stdout of worker (pid 101), /null at stderr of worker (pid 101) and 2 more",
    );
    expect(refusal?.overridable).toBe(false);
  });
});

describe('sourceRefusals', () => {
  it('has nothing against an ordinary source', () => {
    expect(sourceRefusals(SOURCE)).toEqual([]);
  });

  const { look: _look, ...stopped } = SOURCE;
  const cases: readonly [string, SourceFacts, string[]][] = [
    ['a stopped container', { ...stopped, state: 'stopped' }, ['NOT_RUNNING']],
    [
      'a container in a job',
      { ...SOURCE, jobs: { running: 0, limit: 2, ofContainer: 'j0' } },
      ['JOB_RUNNING'],
    ],
    ['too many moves', { ...SOURCE, jobs: { running: 2, limit: 2 } }, ['JOBS_FULL']],
    [
      'no dirty tracking for pre-copy',
      { ...SOURCE, mode: 'precopy', capabilities: { ...CAPABLE, features: {} } },
      ['FEATURE_MISSING'],
    ],
    ['no dirty tracking for post-copy', { ...SOURCE, capabilities: { ...CAPABLE, features: {} } }, []],
    [
      'criu 4.1 on a new kernel',
      { ...SOURCE, capabilities: { ...CAPABLE, criu: '4.1.1' } },
      ['CRIU_KERNEL_BROKEN'],
    ],
    [
      'small pipes for post-copy',
      { ...SOURCE, pipe: { maxBytes: 1_048_576, raisable: false } },
      ['PIPE_SIZE_SMALL'],
    ],
    ['small pipes for cold', { ...SOURCE, mode: 'cold', pipe: { maxBytes: 1_048_576, raisable: false } }, []],
    ['a target whose clock is ahead', { ...SOURCE, targetAheadMs: 2_001 }, ['CLOCK_SKEW']],
    ['an answer that was long under way', { ...SOURCE, targetAheadMs: -60_000 }, []],
    [
      'a closed data port',
      { ...SOURCE, dataPort: { address: 'x:7433', problem: 'ECONNREFUSED' } },
      ['DATA_PORT_UNREACHABLE'],
    ],
  ];
  it.each(cases)('%s', (_what, facts, codes) => {
    expect(sourceRefusals(facts).map((refusal) => refusal.code)).toEqual(codes);
  });
});

const RUN: MountFacts = { id: 60, device: '0:60', root: '/', point: '/run', type: 'tmpfs', shared: 131 };

/** Where systemd puts what is mounted later for a service. */
function incoming(unit: string): MountFacts {
  return {
    id: 61,
    device: '0:60',
    root: `/systemd/propagate/${unit}.service`,
    point: '/run/systemd/incoming',
    type: 'tmpfs',
    master: 131,
  };
}
