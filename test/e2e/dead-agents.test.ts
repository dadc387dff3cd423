import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerDigest, ContainerInfo, Job, MigrateReply } from '../../protocol/mod.ts';
import { armAgent } from './chaos/agents.ts';
import { atRest } from './support/at-rest.ts';
import { type Memory, startMemory } from './support/memory.ts';
import { networkLocks, tracesOf } from './support/node-state.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('dead', { nodes: 2 });
let memory: Memory;
/** Of the container's record, as each test leaves it. */
let epoch = 1;

beforeAll(async () => {
  memory = await startMemory(cluster, 'n1', { name: 'app', address: '10.77.1.40', mib: 32 });
});
afterAll(() => memory.close());

describe('an idle agent that is killed', () => {
  it('takes over its nats-server and its containers, which notice nothing', async () => {
    const inspect = () => cluster.json<ContainerInfo>('inspect', 'app');
    const server = () => cluster.lab.sh('n1', 'pidof nats-server');
    const agent = () => cluster.lab.sh('n1', 'cat /run/lab/agent.pid 2>/dev/null || :');
    await memory.write(200, 16);
    const [before, serverBefore, agentBefore] = [await inspect(), await server(), await agent()];

    expect(await cluster.lab.run(['agent', 'n1', 'kill'])).toMatchObject({ exitCode: 0 });
    await until('another agent runs', 30_000, async () => !['', agentBefore].includes(await agent()));
    await until(
      'it answers for its container',
      15_000,
      async () => (await cluster.godwit('inspect', 'app')).exitCode === 0,
    );

    expect((await inspect()).container).toMatchObject({
      pid: before.container.pid,
      owner: 'n1',
      epoch: before.container.epoch,
      phase: 'running',
      state: 'running',
    });
    expect(await server()).toBe(serverBefore);
    // It answers for containers a moment before it answers those who ask all nodes.
    await until('it is listed', 15_000, async () => {
      const { items } = await cluster.json<{ items: ContainerDigest[] }>('ps');
      return items.some(({ name, state }) => name === 'app' && state === 'running');
    });
    const check = await memory.check();
    expect(check).toMatchObject({ wrong: 0 });
    expect(check.writes).toBeGreaterThan(0);
  });
});

/** A cold move of `app` that an agent, or a machine, does not live to see the end of. */
async function moveThatFails(from: string, to: string, fault: string): Promise<string> {
  await armAgent(cluster.lab, fault.startsWith('source') ? from : to, fault);
  await until('both nodes answer', 15_000, async () => {
    const { exitCode, stdout } = await cluster.godwit('node', 'ls', '-o', 'name');
    return exitCode === 0 && stdout.trim().split('\n').length === 2;
  });
  const { job } = await cluster.json<MigrateReply>('migrate', 'app', to, '--mode', 'cold', '--detach');
  return job ?? '';
}

async function ended(job: string): Promise<Job> {
  await until('the job has ended', 60_000, async () => {
    const { exitCode, stdout } = await cluster.godwit('job', 'show', job, '--json');
    return exitCode === 0 && JSON.parse(stdout).state === 'ended';
  });
  return cluster.json<Job>('job', 'show', job);
}

/** It runs on one node, whole and reachable, after so many changes of its owner; nothing of its moves is left on either. */
async function expectWhole(node: string, changes: number): Promise<void> {
  epoch += changes;
  const other = node === 'n1' ? 'n2' : 'n1';
  await until('nothing is left on the other node', 15_000, async () => {
    return (await tracesOf(cluster, other, 'app')).length === 0;
  });
  const { container } = await atRest(cluster, 'app');
  expect(container).toMatchObject({ owner: node, epoch });
  expect(await networkLocks(cluster, node, 'app')).toBe('');
  const jobs = 'ls /run/godwit/jobs; grep -c godwit/jobs /proc/mounts || :';
  await until('no job is left there', 15_000, async () => (await cluster.lab.sh(node, jobs)) === '0');
  expect(await memory.check()).toMatchObject({ wrong: 0 });
}

describe('an agent that is killed in the middle of a move', () => {
  it.each([
    ['while criu dumps', 'source.stopping'],
    ['when the container stands still', 'source.shipped'],
    ['before it builds', 'target.restore'],
    ['when its copy is built', 'target.report-prepared'],
  ])('%s: the container runs on at the source (%s)', async (_when, point) => {
    const job = await ended(await moveThatFails('n1', 'n2', `${point}:kill-agent`));
    expect(job.outcome).toBe('failed');
    await expectWhole('n1', 0);
  });

  it('after the commit, at the source: its copy dies and the job is done', async () => {
    const job = await ended(await moveThatFails('n1', 'n2', 'source.kill:kill-agent'));
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', frozenCopy: false });
    await expectWhole('n2', 1);
  });

  it('after the commit, at the target: it resumes all the same', async () => {
    const job = await ended(await moveThatFails('n2', 'n1', 'target.resume:kill-agent'));
    expect(job).toMatchObject({ outcome: 'done' });
    await expectWhole('n1', 1);
  });
});

describe('an agent that is killed while pages follow', () => {
  it.each([
    ['source', 'n1', 'n2'],
    ['target', 'n2', 'n1'],
  ] as const)('at the %s: the next one goes on, and every page is right', async (side, from, to) => {
    const how = ['--mode', 'postcopy', '--bandwidth', '4MiB/s', '--detach'];
    const { job } = await cluster.json<MigrateReply>('migrate', 'app', to, ...how);
    await until('pages are on their way', 30_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', 'app', '--json');
      return exitCode === 0 && JSON.parse(stdout).container.phase === 'filling';
    });
    expect(await cluster.lab.run(['agent', side === 'source' ? from : to, 'kill'])).toMatchObject({
      exitCode: 0,
    });
    const whole = await ended(job ?? '');
    expect(whole.error).toBeUndefined();
    expect(whole.outcome).toBe('done');
    await expectWhole(to, 1);
  });
});

it('a target without power after the commit leaves a doubt, which an operator settles', async () => {
  const job = await moveThatFails('n1', 'n2', 'target.resume:hang');
  const committed = async () => (await cluster.json<Job>('job', 'show', job)).progress.phase === 'commit';
  await until('the move is committed', 30_000, committed);
  expect(await cluster.lab.run(['power-off', 'n2'])).toMatchObject({ exitCode: 0 });
  const silent = await cluster.godwit('job', 'resolve', job, '--keep', 'n1');
  expect(silent).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('n2 does not answer') });

  expect(await cluster.lab.run(['power-on', 'n2'])).toMatchObject({ exitCode: 0 });
  expect(await ended(job)).toMatchObject({ outcome: 'in-doubt', frozenCopy: true });
  expect((await cluster.json<ContainerInfo>('inspect', 'app')).container).toMatchObject({
    owner: 'n2',
    phase: 'in-doubt',
    state: 'stopped',
  });
  expect(await cluster.godwit('start', 'app')).toMatchObject({ exitCode: 9 });
  expect(await cluster.godwit('job', 'resolve', job, '--keep', 'n2')).toMatchObject({ exitCode: 5 });

  expect(await cluster.godwit('job', 'resolve', job, '--keep', 'n1')).toMatchObject({ exitCode: 0 });
  await until(
    'its owner answers',
    15_000,
    async () => (await cluster.godwit('inspect', 'app')).exitCode === 0,
  );
  expect(await ended(job)).toMatchObject({ outcome: 'failed', frozenCopy: false });
  await expectWhole('n1', 2);
});

it('a target that never comes back is given up by force, and finds out when it does', async () => {
  const job = await moveThatFails('n1', 'n2', 'target.resume:hang');
  const committed = async () => (await cluster.json<Job>('job', 'show', job)).progress.phase === 'commit';
  await until('the move is committed', 30_000, committed);
  expect(await cluster.lab.run(['power-off', 'n2'])).toMatchObject({ exitCode: 0 });
  const forced = await cluster.godwit('job', 'resolve', job, '--keep', 'n1', '--force');
  expect(forced, forced.stderr).toMatchObject({ exitCode: 0 });
  await until(
    'its owner answers',
    15_000,
    async () => (await cluster.godwit('inspect', 'app')).exitCode === 0,
  );
  expect(await cluster.lab.run(['power-on', 'n2'])).toMatchObject({ exitCode: 0 });
  await expectWhole('n1', 2);
});
