import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, Job, MigrateReply } from '../../protocol/mod.ts';
import { type Memory, startMemory } from './support/memory.ts';
import { lxcState, tracesOf } from './support/node-state.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const MIB = 1024;
/** Some ten seconds for the pages, on a machine that has nothing else to do. */
const RATE = '100MiB/s';

const cluster = useCluster('pg', { nodes: 2 });
let memory: Memory;
let job: string;
const show = () => cluster.json<Job>('job', 'show', job);
const ended = () =>
  until('the job has ended', 240_000, async () => (await show().catch(() => undefined))?.state === 'ended');

beforeAll(async () => {
  memory = await startMemory(cluster, 'n1', { name: 'memory', address: '10.77.1.60', mib: MIB });
});
afterAll(() => memory?.close());

/** Begins a post-copy, and comes back when the container runs at the target while most of its memory is at the source. */
async function toPagePhase(target: string): Promise<void> {
  const reply = await cluster.json<MigrateReply>(
    ...['migrate', 'memory', target, '--mode', 'postcopy', '--bandwidth', RATE, '--detach'],
  );
  job = reply.job ?? '';
  await until('pages are on their way', 60_000, async () => {
    const { state, progress } = await show();
    if (state === 'ended') throw new Error('the pages are all there already');
    return progress.phase === 'pages' && progress.bytes < (MIB / 2) * 1024 * 1024;
  });
}

/** The source's copy dies only when it is not needed any more. */
async function expectSourceFrozen(source: string): Promise<void> {
  const state = await cluster.lab.sh(
    source,
    'cat /sys/fs/cgroup/freezer/lxc.payload.memory/freezer.state 2>/dev/null || cat /sys/fs/cgroup/lxc.payload.memory/cgroup.freeze',
  );
  expect(['FROZEN', '1']).toContain(state);
}

async function expectMoved(source: string, target: string): Promise<void> {
  await ended();
  expect(await show()).toMatchObject({ outcome: 'done' });
  expect(await memory.check()).toMatchObject({ pages: MIB * 256, wrong: 0 });
  const { container } = await cluster.json<ContainerInfo>('inspect', 'memory');
  expect(container).toMatchObject({ owner: target, phase: 'running', state: 'running' });
  expect(await lxcState(cluster, target, 'memory')).toBe('RUNNING');
  expect(await tracesOf(cluster, source, 'memory')).toEqual([]);
}

describe('a post-copy whose pages are on their way', () => {
  it('survives 5 s without a link', async () => {
    await toPagePhase('n2');
    await cluster.lab.run(['cut', 'n2', '--from', 'n1']);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await expectSourceFrozen('n1');
    expect((await show()).state).toBe('running');
    await cluster.lab.run(['heal', 'n2', '--from', 'n1']);
    await expectMoved('n1', 'n2');
  });

  it("survives the death of the target's agent", async () => {
    await toPagePhase('n1');
    await cluster.lab.run(['agent', 'n1', 'kill']);
    await expectMoved('n2', 'n1');
  });

  it("survives the death of the source's agent", async () => {
    await toPagePhase('n2');
    await cluster.lab.run(['agent', 'n1', 'kill']);
    await expectMoved('n1', 'n2');
  });

  it('is lost, and frozen, when the source has lost its pages with its power', async () => {
    await toPagePhase('n1');
    await cluster.lab.run(['power-off', 'n2']);
    expect((await cluster.lab.run(['power-on', 'n2'])).exitCode).toBe(0);
    await until('the loss is known', 60_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', 'memory', '--json');
      return exitCode === 0 && JSON.parse(stdout).container.phase === 'lost';
    });
    const { container } = await cluster.json<ContainerInfo>('inspect', 'memory');
    expect(container).toMatchObject({ owner: 'n1', phase: 'lost', state: 'frozen' });
  });
});
