import { expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { useCluster } from '../e2e/support/use-lab.ts';
import { groupLimits, makeGroups, PURE_V2 } from './groups.ts';

const NAME = 'grouped';
const cluster = useCluster('gr', { nodes: 2 });

// With cgroup v1 test/e2e/system-container.test.ts looks at those of systemd's units.
it.runIf(PURE_V2)('groups below a container keep their limits, cold and in a post-copy', async () => {
  const { lab } = cluster;
  await startContainer(cluster, 'n1', 'generic', { name: NAME, address: '10.77.1.34', memoryMib: 64 });
  await makeGroups(lab, 'n1', NAME);
  const limits = await groupLimits(lab, 'n1', NAME);
  expect(limits.split('\n')).toEqual(expect.arrayContaining(LIMITS));
  for (const [target, mode] of [
    ['n2', 'cold'],
    ['n1', 'postcopy'],
  ] as const) {
    const argv = ['migrate', NAME, target, '--mode', mode];
    expect(await cluster.json<MigrateResult>(...argv)).toMatchObject({ outcome: 'done' });
    expect(await groupLimits(lab, target, NAME)).toBe(limits);
  }
});

const LIMITS = [
  'inner/memory.max:399998976',
  'inner/pids.max:70',
  'inner/cpu.max:90000 50000',
  'inner/cpu.weight:150',
  'inner/deep/memory.high:299999232',
  'inner/deep/memory.low:8192',
  'inner/deep/memory.oom.group:1',
  'inner/deep/pids.max:60',
];
