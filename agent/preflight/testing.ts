/** Samples for the unit tests of this folder. */
import type { Capabilities, DomainSpec } from '../../protocol/mod.ts';
import type { SourceFacts, TargetFacts, TargetRequest } from './facts.ts';
import type { ContainerLook } from './look/look.ts';
import type { TaskFacts } from './look/tasks.ts';

const MIB = 1024 * 1024;

/** Facts of a container and two nodes between which nothing stands in the way; tests change one thing each. */
export const CAPABLE: Capabilities = {
  arch: 'x86_64',
  kernel: '6.18.4',
  criu: '4.2.1',
  lxc: '7.0.0',
  cgroup: 'v1',
  features: { 'uffd-noncoop': true, mem_dirty_track: true },
  cpus: 2,
  memoryBytes: 8192 * MIB,
};

export const SPEC: DomainSpec = {
  name: 'shop',
  uuid: '6b1e1d5e-6f5b-4b5e-9d0c-2f6a3c1d9a11',
  memoryBytes: 512 * MIB,
  vcpus: 1,
  os: { init: '/sbin/init', initArgs: [], initEnv: [] },
  root: { type: 'mount', source: '/srv/shop', target: '/', readonly: false },
  filesystems: [{ type: 'mount', source: '/srv/data', target: '/data', readonly: false }],
  interfaces: [
    {
      bridge: 'br0',
      mac: '52:54:00:aa:bb:01',
      addresses: [{ family: 'ipv4', address: '10.77.1.5', prefix: 16 }],
      guestName: 'eth0',
    },
  ],
  console: false,
  policy: { mode: 'auto', rootfs: 'shared' },
};

const ROOTFS = { entries: 'e1', init: 'i1', inode: '42' };

export const REQUEST: TargetRequest = {
  job: 'j1',
  source: 'n1',
  sourceCapabilities: CAPABLE,
  mode: 'postcopy',
  spec: SPEC,
  memoryBytes: 250 * MIB,
  cpuFlags: ['avx2', 'sse4_2'],
  rootfs: ROOTFS,
  copiedBytes: [],
  sharedInodes: {},
  lower: {},
  limitFiles: [],
  nowMs: 1_000_000,
};

export const TARGET: TargetFacts = {
  node: 'n2',
  state: 'up',
  capabilities: CAPABLE,
  jobs: { running: 0, limit: 2 },
  cpuFlags: ['avx2', 'avx512f', 'sse4_2'],
  places: [],
  sharedInodes: {},
  lower: new Map(),
  missingBridges: [],
  lacks: [],
  missingSources: [],
  rootfs: ROOTFS,
  memoryAvailableBytes: 4096 * MIB,
  runDir: { path: '/run/godwit', tmpfs: true, availableBytes: 1024 * MIB },
  claims: [
    { holder: 'interface br0', local: true, addresses: ['10.77.0.12'], macs: ['52:54:00:00:00:02'] },
    // The container itself answers from the source.
    { holder: 'neighbour', local: false, addresses: ['10.77.1.5'], macs: ['52:54:00:AA:BB:01'] },
  ],
  nowMs: 1_000_400,
};

export const INIT: TaskFacts = {
  pid: 100,
  name: 'init',
  state: 'S',
  switches: 5,
  tracer: 0,
  namespaces: { mnt: 'mnt:[1]', net: 'net:[2]', uts: 'uts:[3]', ipc: 'ipc:[4]', pid: 'pid:[5]' },
  inTree: true,
  inCgroup: true,
};

export const LOOK: ContainerLook = {
  initPid: 100,
  tasks: [INIT, { ...INIT, pid: 101, name: 'worker' }],
  files: [
    { pid: 100, fd: 0, link: '/dev/null', mountId: 31 },
    { pid: 101, fd: 3, link: 'socket:[900]' },
    { pid: 101, fd: 4, link: 'anon_inode:[eventpoll]' },
    { pid: 101, fd: 5, link: 'pipe:[901]' },
    { pid: 101, fd: 6, link: '/memfd:x (deleted)' },
    { pid: 101, fd: 7, link: '/tmp/gone (deleted)', mountId: 30, ghostBytes: 4096 },
  ],
  sockets: [{ pid: 101, fd: 3, inode: 900, protocol: 'UNIX-STREAM' }],
  unixPairs: [{ inode: 77, peer: 78, path: '/run/elsewhere' }],
  mounts: [
    { id: 30, device: '8:1', root: '/srv/shop', point: '/', type: 'ext4' },
    { id: 31, device: '0:50', root: '/', point: '/dev', type: 'tmpfs' },
  ],
  nodeDevices: ['8:1'],
  mappedRings: [],
  watched: [],
  memoryEvents: new Map([[4711, '/init.scope/memory.events']]),
  hiddenLimits: [],
  stuck: [],
  outsideLockers: [],
  criuArgs: ['--file-locks', '--enable-fs', 'hugetlbfs'],
  omitted: [],
  durationMs: 12,
};

export const SOURCE: SourceFacts = {
  node: 'n1',
  mode: 'postcopy',
  capabilities: CAPABLE,
  jobs: { running: 0, limit: 2 },
  state: 'running',
  look: LOOK,
  unheard: [],
  pipe: { maxBytes: MIB, raisable: true },
  dataPort: { address: '10.77.0.12:7433' },
  cpuFlags: ['avx2', 'sse4_2'],
  rootfs: ROOTFS,
  copied: [],
  staying: [],
  sharedInodes: {},
  lower: {},
  limitFiles: [],
};
