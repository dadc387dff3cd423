import { beforeAll, expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { tracesOf } from '../e2e/support/node-state.ts';
import { startRedisClient } from '../e2e/support/redis-client.ts';
import { useCluster } from '../e2e/support/use-lab.ts';
import { bytesOfFinal, MIB, MovingMemory, useMoveTable } from './moving-memory.ts';

const LINK = '--bandwidth 12MiB/s';
const MEMORY_MIB = 32;
const WRITTEN_MIB = 8;
/** What the runtime of the workload touches by itself. */
const OWN_MIB = 12;
const cluster = useCluster('vy', { nodes: 2 });
const rows = useMoveTable();
let container: MovingMemory;

beforeAll(async () => {
  const wish = { name: 'memory', address: '10.77.1.30', mib: MEMORY_MIB };
  container = await MovingMemory.start(cluster, wish, rows);
});

it('memory that nobody writes crosses the link before the freeze in a pre-copy, and once', async () => {
  const result = await container.move('idle, static 2', 'precopy', `--iterations 2 ${LINK}`);
  const [first, second] = result.rounds;
  expect(result.rounds).toHaveLength(2);
  expect(first?.bytes).toBeGreaterThan(MEMORY_MIB * MIB);
  expect(second?.bytes).toBeLessThan(OWN_MIB * MIB);
  expect(bytesOfFinal(result)).toBeLessThan(OWN_MIB * MIB);
});

it('memory that is written follows in a hybrid, and nothing else does', async () => {
  await container.memory.write(400, WRITTEN_MIB);
  const result = await container.move('writer, static 2', 'hybrid', `--iterations 2 ${LINK}`);
  expect(result).toMatchObject({ mode: 'hybrid', exposureMs: expect.any(Number) });
  expect(result.rounds).toHaveLength(2);
  expect(bytesOfFinal(result)).toBeLessThan((1.3 * WRITTEN_MIB + OWN_MIB) * MIB);
  await container.stop();
});

it('a Redis keeps every key and its one connection over a pre-copy and a hybrid', async () => {
  const host = '10.77.1.31';
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: host, memoryMib: 128 });
  const client = await startRedisClient(cluster, { host, megabytes: 4 });
  for (const [source, target, mode] of [
    ['n1', 'n2', 'precopy'],
    ['n2', 'n1', 'hybrid'],
  ] as const) {
    const argv = ['migrate', 'redis', target, '--mode', mode, '--iterations', '2'];
    const result = await cluster.json<MigrateResult>(...argv);
    expect(result).toMatchObject({ outcome: 'done', mode, source, target });
    expect(result.rounds).toHaveLength(2);
    expect(await tracesOf(cluster, source, 'redis')).toEqual([]);
  }
  const verdict = await client.finish();
  expect(verdict).toMatchObject({ ok: true, wrong: 0, problems: [] });
  expect(verdict.verifiedKeys).toBe(verdict.keys);
});
