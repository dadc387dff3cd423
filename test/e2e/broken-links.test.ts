import { beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, Job, MigrateReply } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { lxcState, networkLocks, tracesOf } from './support/node-state.ts';
import { type RedisClient, startRedisClient } from './support/redis-client.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const host = '10.77.1.40';
const CUT_MS = 5_000;
const cluster = useCluster('link');
let client: RedisClient;

beforeAll(async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: host, memoryMib: 512 });
  client = await startRedisClient(cluster, { host, megabytes: 20 });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const link = (verb: 'cut' | 'heal') => cluster.lab.run([verb, 'n1', '--from', 'n2']);
/** Undefined while the cut keeps its node from answering. */
const look = async (job: string): Promise<Job | undefined> => {
  const { exitCode, stdout } = await cluster.godwit('job', 'show', job, '--json');
  return exitCode === 0 ? JSON.parse(stdout) : undefined;
};

/** A move slow enough to break its link when so many bytes are through. */
async function moveOverCut(
  move: readonly [container: string, target: string, mode: string, bandwidth: string],
  bytes: number,
  cutMs: number,
): Promise<Job> {
  const [container, target, mode, bandwidth] = move;
  const wish = ['migrate', container, target, '--mode', mode, '--bandwidth', bandwidth];
  const { job = '' } = await cluster.json<MigrateReply>(...wish, '--detach');
  await until('bytes are on their way', 30_000, async () => ((await look(job))?.progress.bytes ?? 0) > bytes);
  await link('cut');
  try {
    await pause(cutMs);
  } finally {
    await link('heal');
  }
  // What one nats-server can tell another may not know yet: the answer that has come is taken.
  let seen: Job | undefined;
  await until('the job has ended', 90_000, async () => {
    seen = (await look(job)) ?? seen;
    return seen?.state === 'ended';
  });
  return seen as Job;
}

async function expectAt(container: string, node: string, other: string): Promise<void> {
  let seen: ContainerInfo['container'] | undefined;
  await until('the record settles', 20_000, async () => {
    const { exitCode, stdout } = await cluster.godwit('inspect', container, '--json');
    seen = exitCode === 0 ? JSON.parse(stdout).container : seen;
    return seen?.phase === 'running';
  });
  expect(seen).toMatchObject({ owner: node, state: 'running' });
  expect(await lxcState(cluster, node, container)).toBe('RUNNING');
  expect(await networkLocks(cluster, node, container)).toBe('');
  // The word of an abort does not come through a cut: the other node finds out by itself.
  let left: string[] = [];
  await until(
    () => `nothing is left on ${other}: ${left.join('\n')}`,
    20_000,
    async () => {
      left = await tracesOf(cluster, other, container);
      return left.length === 0;
    },
  );
}

describe('a link between the nodes that is cut for five seconds', () => {
  it('in the memory of a cold move is a delay', async () => {
    const job = await moveOverCut(['redis', 'n2', 'cold', '4MiB/s'], 2_000_000, CUT_MS);
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', mode: 'cold' });
    expect(job.downtimeMs).toBeGreaterThan(CUT_MS);
    await expectAt('redis', 'n2', 'n1');
  });

  it('in the images of a post-copy move is a delay', async () => {
    const wish = { name: 'small', address: '10.77.1.41', memoryMib: 128 };
    await startContainer(cluster, 'n1', 'redis', wish);
    const job = await moveOverCut(['small', 'n2', 'postcopy', '400KiB/s'], 50_000, CUT_MS);
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', mode: 'postcopy' });
    await expectAt('small', 'n2', 'n1');
    expect((await cluster.godwit('stop', 'small')).exitCode).toBe(0);
    expect((await cluster.godwit('undefine', 'small')).exitCode).toBe(0);
  });

  it('in the pages of a post-copy move lets only those tasks wait that need them', async () => {
    const job = await moveOverCut(['redis', 'n1', 'postcopy', '4MiB/s'], 6_000_000, CUT_MS);
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', mode: 'postcopy' });
    expect(job.exposureMs).toBeGreaterThan(CUT_MS);
    await expectAt('redis', 'n1', 'n2');
  });
});

it('a link that stays cut leaves the container running at the source', async () => {
  const job = await moveOverCut(['redis', 'n2', 'cold', '4MiB/s'], 2_000_000, 30_000);
  expect(job).toMatchObject({ outcome: 'failed' });
  await expectAt('redis', 'n1', 'n2');
});

it('the client found every byte in its place through all of it', async () => {
  const verdict = await client.finish();
  expect(verdict.problems).toEqual([]);
  expect(verdict).toMatchObject({ ok: true, wrong: 0 });
  expect(verdict.verifiedKeys).toBe(verdict.keys);
});
