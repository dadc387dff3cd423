import { expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { tracesOf } from '../e2e/support/node-state.ts';
import { startRedisClient } from '../e2e/support/redis-client.ts';
import { useCluster } from '../e2e/support/use-lab.ts';

const cluster = useCluster('vr', { nodes: 2 });

it('a Redis keeps every key and its one connection over a pre-copy and a hybrid', async () => {
  const host = '10.77.1.31';
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: host, memoryMib: 128 });
  const client = await startRedisClient(cluster, { host, megabytes: 4 });
  for (const [source, target, mode] of [
    ['n1', 'n2', 'precopy'],
    ['n2', 'n1', 'hybrid'],
  ] as const) {
    const result = await cluster.json<MigrateResult>(
      'migrate',
      'redis',
      target,
      '--mode',
      mode,
      '--iterations',
      '2',
    );
    expect(result).toMatchObject({ outcome: 'done', mode, source, target });
    expect(result.rounds).toHaveLength(2);
    expect(await tracesOf(cluster, source, 'redis')).toEqual([]);
  }
  const verdict = await client.finish();
  expect(verdict).toMatchObject({ ok: true, wrong: 0, problems: [] });
  expect(verdict.verifiedKeys).toBe(verdict.keys);
});
