import { expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { atRest } from './support/at-rest.ts';
import { startContainer } from './support/containers.ts';
import { startRedisClient } from './support/redis-client.ts';
import { useCluster } from './support/use-lab.ts';

const ADDRESS = '10.77.1.23';
/** A Redis touches some 170 pages before its first reply, on a busy machine not all of them within the time; other images vary by a few KiB. */
const FIRST_BYTES = 25 * 4096;
const cluster = useCluster('fp', { nodes: 2 });

async function imageBytes(target: string, mode: string): Promise<number> {
  const { outcome, bytes } = await cluster.json<MigrateResult>('migrate', 'redis', target, '--mode', mode);
  expect(outcome).toBe('done');
  await atRest(cluster, 'redis');
  return bytes.images;
}

it('what a container touched first after one move comes along with the images of the next, cold ones between them', async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: ADDRESS });
  const client = await startRedisClient(cluster, { host: ADDRESS, megabytes: 20 });
  const unknown = await imageBytes('n2', 'postcopy');
  expect(await imageBytes('n1', 'postcopy')).toBeGreaterThan(unknown + FIRST_BYTES);
  // The memory of a cold move takes another way: here the list alone goes along.
  expect(await imageBytes('n2', 'cold')).toBeLessThan(unknown + FIRST_BYTES);
  expect(await imageBytes('n1', 'postcopy')).toBeGreaterThan(unknown + FIRST_BYTES);
  const verdict = await client.finish();
  expect(verdict).toMatchObject({ ok: true, wrong: 0, problems: [], verifiedKeys: verdict.keys });
  expect((await cluster.godwit('stop', 'redis')).exitCode).toBe(0);
  expect((await cluster.godwit('undefine', 'redis')).exitCode).toBe(0);
});
