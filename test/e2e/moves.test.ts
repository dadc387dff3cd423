import { describe, expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { atRest } from './support/at-rest.ts';
import { startContainer } from './support/containers.ts';
import { askManyfold, type Manyfold } from './support/manyfold-client.ts';
import { lxcState, networkLocks, tracesOf } from './support/node-state.ts';
import { startRedisClient } from './support/redis-client.ts';
import { useCluster } from './support/use-lab.ts';

const MEMORY_MIB = 512;
const cluster = useCluster('mv');

describe('a Redis under load', () => {
  it('keeps every key and its one connection over 20 moves in both modes, round all nodes', async () => {
    const host = '10.77.1.20';
    await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: host, memoryMib: MEMORY_MIB });
    const client = await startRedisClient(cluster, { host, megabytes: 50 });
    for (let move = 1; move <= 20; move++) {
      const source = `n${((move - 1) % 3) + 1}`;
      const target = `n${(move % 3) + 1}`;
      const mode = move % 2 === 0 ? 'cold' : 'postcopy';
      const result = await cluster.json<MigrateResult>('migrate', 'redis', target, '--mode', mode);
      expect(result).toMatchObject({ outcome: 'done', source, target, mode });
      await expectMoved('redis', source, target, 1 + move);
    }
    const verdict = await client.finish();
    expect(verdict).toMatchObject({ ok: true, wrong: 0, problems: [] });
    expect(verdict.verifiedKeys).toBe(verdict.keys);
    expect((await cluster.godwit('stop', 'redis')).exitCode).toBe(0);
    expect((await cluster.godwit('undefine', 'redis')).exitCode).toBe(0);
    for (const node of ['n1', 'n2', 'n3']) expect(await tracesOf(cluster, node, 'redis')).toEqual([]);
  });
});

describe('a container with one of everything', () => {
  it('comes through moves in both modes with all of it, each checked by content', async () => {
    const host = '10.77.1.21';
    await startContainer(cluster, 'n1', 'generic', {
      name: 'many.fold',
      address: host,
      memoryMib: MEMORY_MIB,
      programs: ['test/e2e/workloads/manyfold/manyfold.py'],
      args: ['/bin/python3', '-I', '-S', '/manyfold.py', '7070'],
    });
    const ask = await askManyfold(cluster, host);
    await expectWhole(ask);
    for (const [target, mode] of [
      ['n2', 'postcopy'],
      ['n1', 'cold'],
      ['n3', 'cold'],
      ['n1', 'postcopy'],
    ] as const) {
      const result = await cluster.json<MigrateResult>('migrate', 'many.fold', target, '--mode', mode);
      expect(result.outcome).toBe('done');
      await expectWhole(ask);
    }
    await ask.close();
  });
});

/** Every one of its parts, by name. */
async function expectWhole(ask: Manyfold): Promise<void> {
  const { checks } = await ask.check();
  expect(Object.entries(checks).filter(([, verdict]) => verdict !== 'ok')).toEqual([]);
}

/** After a move: LXC on the target owns it, limits hold, the record says so, and the source has no trace of it. */
async function expectMoved(container: string, source: string, target: string, epoch: number): Promise<void> {
  const info = await atRest(cluster, container);
  expect(info.container).toMatchObject({ owner: target, epoch, state: 'running' });
  expect(Object.values(info.limits)).toContain(MEMORY_MIB * 1024 * 1024);
  expect(await lxcState(cluster, target, container)).toBe('RUNNING');
  expect(await networkLocks(cluster, target, container)).toBe('');
  expect(await tracesOf(cluster, source, container)).toEqual([]);
}
