import { describe, expect, it } from 'vitest';
import { standing } from './catalogue.ts';
import type { TargetFacts, TargetRequest } from './facts.ts';
import { targetRefusals } from './target.ts';
import { CAPABLE, REQUEST, SPEC, TARGET } from './testing.ts';

type Change = { readonly request?: Partial<TargetRequest>; readonly facts?: Partial<TargetFacts> };

function codesFor({ request, facts }: Change): string[] {
  return targetRefusals({ ...REQUEST, ...request }, { ...TARGET, ...facts }).map((refusal) => refusal.code);
}

const own = (part: Partial<typeof CAPABLE>): Change => ({ facts: { capabilities: { ...CAPABLE, ...part } } });
const source = (part: Partial<typeof CAPABLE>): Change => ({
  request: { sourceCapabilities: { ...CAPABLE, ...part } },
});
const MIB = 1024 * 1024;

describe('targetRefusals', () => {
  it('has nothing against two equal nodes, nor against the container answering from its source', () => {
    expect(codesFor({})).toEqual([]);
  });

  const cases: readonly [string, Change, string[]][] = [
    ['the source itself', { request: { source: 'n2' } }, ['SAME_NODE']],
    ['a cordoned node', { facts: { state: 'cordoned' } }, ['NODE_CORDONED']],
    ['a draining node', { facts: { state: 'draining' } }, ['NODE_CORDONED']],
    [
      'a container in another job',
      { facts: { jobs: { running: 1, limit: 2, ofContainer: 'j0' } } },
      ['JOB_RUNNING'],
    ],
    ['its own job asked twice', { facts: { jobs: { running: 1, limit: 2, ofContainer: 'j1' } } }, []],
    ['a node that is busy', { facts: { jobs: { running: 2, limit: 2 } } }, ['JOBS_FULL']],
    ['another architecture', own({ arch: 'aarch64' }), ['ARCH_DIFFERS']],
    ['fewer CPU features', { facts: { cpuFlags: ['sse4_2'] } }, ['CPU_FLAGS_MISSING']],
    ['CPU features unknown here', { facts: { cpuFlags: [] } }, []],
    ['an old kernel', own({ kernel: '4.19.0' }), ['KERNEL_TOO_OLD', 'KERNEL_OLDER']],
    [
      'a kernel without cgroup.kill',
      { ...own({ kernel: '5.10.0', cgroup: 'v2' }), ...source({ kernel: '5.10.0', cgroup: 'v2' }) },
      ['KERNEL_TOO_OLD'],
    ],
    ['an older kernel', own({ kernel: '6.12.3-amd64' }), ['KERNEL_OLDER']],
    ['only an older patch level', own({ kernel: '6.18.1' }), []],
    ['no criu', own({ criu: '' }), ['CRIU_MISSING']],
    ['an ancient criu', own({ criu: '3.17.1' }), ['CRIU_KERNEL_BROKEN', 'CRIU_TOO_OLD', 'CRIU_WIRE_DIFFERS']],
    [
      'criu 4.1 beside 4.2',
      own({ criu: '4.1.1', kernel: '6.18.4' }),
      ['CRIU_KERNEL_BROKEN', 'CRIU_WIRE_DIFFERS'],
    ],
    [
      'criu 4.1 on both, kernel before 6.16',
      { ...own({ criu: '4.1.1', kernel: '6.12.0' }), ...source({ criu: '4.1.1', kernel: '6.12.0' }) },
      [],
    ],
    ['criu 4.2 behind 4.3', source({ criu: '4.3' }), ['CRIU_OLDER']],
    ['no LXC', own({ lxc: '' }), ['LXC_MISSING']],
    ['an older LXC', own({ lxc: '6.0.4' }), ['LXC_OLDER']],
    ['another cgroup version', own({ cgroup: 'v2' }), ['CGROUP_DIFFERS']],
    ['no userfaultfd for post-copy', own({ features: {} }), ['FEATURE_MISSING']],
    ['no userfaultfd for cold', { ...own({ features: {} }), request: { mode: 'cold' } }, []],
    ['a clock behind the request', { facts: { nowMs: 997_999 } }, ['CLOCK_SKEW']],
    ['a clock two seconds behind it', { facts: { nowMs: 998_000 } }, []],
    ['a request that was long under way', { facts: { nowMs: 1_060_000 } }, []],
    [
      'a foreign container of the name',
      { facts: { sameName: { state: 'running', foreign: true } } },
      ['NAME_IN_USE'],
    ],
    [
      'its own definition, left from before',
      { facts: { sameName: { state: 'stopped', foreign: false } } },
      [],
    ],
    [
      'no userfaultfd for mapped users and post-copy',
      { request: { spec: { ...SPEC, idmap: { uid: [], gid: [] } } } },
      ['FEATURE_MISSING'],
    ],
    ['no bridge', { facts: { missingBridges: ['br0'] } }, ['BRIDGE_MISSING']],
    [
      'not what the description binds to',
      {
        facts: {
          lacks: [
            { kind: 'label', what: 'AppArmor' },
            { kind: 'network', what: 'lan' },
            { kind: 'topology', what: 'processor 8' },
            { kind: 'limit', what: 'blkio.weight' },
          ],
        },
      },
      ['NETWORK_UNKNOWN', 'TOPOLOGY_DIFFERS', 'LIMIT_UNAVAILABLE', 'LABEL_UNAVAILABLE'],
    ],
    ['no bind source', { facts: { missingSources: ['/srv/data'] } }, ['MOUNT_SOURCE_MISSING']],
    ['another root', { facts: { rootfs: { entries: 'e2', init: 'i1', inode: '42' } } }, ['ROOTFS_DIFFERS']],
    [
      'another init program',
      { facts: { rootfs: { entries: 'e1', init: 'i2', inode: '42' } } },
      ['ROOTFS_DIFFERS'],
    ],
    [
      'a copy of the root',
      { facts: { rootfs: { entries: 'e1', init: 'i1', inode: '43' } } },
      ['ROOTFS_COPIED'],
    ],
    ['too little memory', { facts: { memoryAvailableBytes: 274 * MIB } }, ['MEMORY_ROOM']],
    ['just enough memory', { facts: { memoryAvailableBytes: 275 * MIB } }, []],
    [
      'too little for images and tasks',
      { request: { mode: 'cold' }, facts: { memoryAvailableBytes: 500 * MIB } },
      ['MEMORY_ROOM'],
    ],
    [
      'too little for images that are more than that',
      { request: { mode: 'cold', imageBytes: 3 * 256 * MIB }, facts: { memoryAvailableBytes: 1000 * MIB } },
      ['MEMORY_ROOM'],
    ],
    [
      'too little for rounds and tasks',
      { request: { mode: 'hybrid' }, facts: { memoryAvailableBytes: 500 * MIB } },
      ['MEMORY_ROOM'],
    ],
    ['a limit beyond the node', own({ memoryBytes: 256 * MIB }), ['MEMORY_LIMIT']],
    [
      'a full run directory',
      { facts: { runDir: { path: '/run/godwit', tmpfs: true, availableBytes: MIB } } },
      ['RUN_DIR_ROOM'],
    ],
    ['a run directory on disk', { facts: { runDir: { ...TARGET.runDir, tmpfs: false } } }, ['RUN_DIR_DISK']],
    [
      'its address on another MAC',
      {
        facts: {
          claims: [{ holder: 'x', local: false, addresses: ['10.77.1.5'], macs: ['52:54:00:00:00:99'] }],
        },
      },
      ['ADDRESS_IN_USE'],
    ],
    [
      'its address on this node',
      { facts: { claims: [{ holder: 'x', local: true, addresses: ['10.77.1.5'], macs: [] }] } },
      ['ADDRESS_IN_USE'],
    ],
    [
      'its MAC on this node',
      { facts: { claims: [{ holder: 'x', local: true, addresses: [], macs: ['52:54:00:AA:BB:01'] }] } },
      ['MAC_IN_USE'],
    ],
  ];
  it.each(cases)('%s', (_what, change, codes) => {
    expect(codesFor(change).sort()).toEqual([...codes].sort());
  });

  it('asks for the root only when it is there, and compares it only when the source sent one', () => {
    const { rootfs: _here, ...without } = TARGET;
    expect(targetRefusals(REQUEST, without).map((refusal) => refusal.code)).toEqual(['ROOTFS_MISSING']);
    const { rootfs: _there, ...unsaid } = REQUEST;
    expect(targetRefusals(unsaid, TARGET)).toEqual([]);
  });

  it('names all reasons at once, with node, cure and figures', () => {
    const refusals = targetRefusals(
      { ...REQUEST, memoryBytes: 5000 * MIB },
      { ...TARGET, missingBridges: ['br0'], state: 'cordoned', nowMs: 0 },
    );
    expect(refusals.map((refusal) => refusal.code)).toEqual([
      'NODE_CORDONED',
      'CLOCK_SKEW',
      'BRIDGE_MISSING',
      'MEMORY_ROOM',
    ]);
    expect(refusals.every((refusal) => refusal.node === 'n2' && refusal.hint !== '')).toBe(true);
    expect(refusals[3]?.message).toBe('not enough memory: 5500 MiB needed for postcopy, 4096 MiB available');
    expect(standing(refusals, true).map((refusal) => refusal.code)).not.toContain('CLOCK_SKEW');
    expect(standing(refusals, false)).toEqual(refusals);
  });

  it('says at most a few of many names', () => {
    const missingBridges = ['br1', 'br2', 'br3', 'br4', 'br5', 'br6'];
    const [refusal] = targetRefusals(REQUEST, { ...TARGET, missingBridges });
    expect(refusal?.message).toBe('no such bridge: br1, br2, br3 and 3 more');
  });
});
