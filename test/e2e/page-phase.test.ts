import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, Job, MigrateReply } from '../../protocol/mod.ts';
import { BESIDE_TRIALS } from './chaos/cuts.ts';
import { recordTrial } from './chaos/results/record.ts';
import { atRest } from './support/at-rest.ts';
import { MEMORY_PORT, type Memory, startMemory } from './support/memory.ts';
import { lxcState, tracesOf } from './support/node-state.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const MIB = 1024;
const ADDRESS = '10.77.1.60';
/** Some ten seconds for the pages, on a machine that has nothing else to do. */
const RATE = '100MiB/s';

const cluster = useCluster('pg', { nodes: 2 });
let memory: Memory;
let job: string;
/** The bus as one node's server has it; a client that may choose takes any. */
const busOf = (node: string) => `nats://10.77.0.${10 + Number(node.slice(1))}:4222`;
const show = () => cluster.json<Job>('job', 'show', job);
const ended = () =>
  until('the job has ended', 240_000, async () => (await show().catch(() => undefined))?.state === 'ended');

beforeAll(async () => {
  memory = await startMemory(cluster, 'n1', { name: 'memory', address: ADDRESS, mib: MIB });
});
afterAll(() => memory?.close());

interface Way {
  readonly source: string;
  readonly target: string;
}

/**
 * Begins a post-copy to the other node, wherever the test before has left the container, and comes back when it runs
 * there while most of its memory is at the source.
 */
async function toPagePhase(): Promise<Way> {
  const { container } = await cluster.json<ContainerInfo>('inspect', 'memory');
  const source = container.owner;
  const target = source === 'n1' ? 'n2' : 'n1';
  const reply = await cluster.json<MigrateReply>(
    ...['migrate', 'memory', target, '--mode', 'postcopy', '--bandwidth', RATE, '--detach'],
  );
  job = reply.job ?? '';
  await until('pages are on their way', 60_000, async () => {
    const { state, progress } = await show();
    if (state === 'ended') throw new Error('the pages are all there already');
    return progress.phase === 'pages' && progress.bytes < (MIB / 2) * 1024 * 1024;
  });
  return { source, target };
}

/** The source's copy dies only when it is not needed any more. */
async function expectSourceFrozen(source: string): Promise<void> {
  const state = await cluster.lab.sh(
    source,
    'cat /sys/fs/cgroup/freezer/lxc.payload.memory/freezer.state 2>/dev/null || cat /sys/fs/cgroup/lxc.payload.memory/cgroup.freeze',
  );
  expect(['FROZEN', '1']).toContain(state);
}

/** Who answers a node that asks for an address: a MAC address, or nobody. */
function macFor(node: string, address: string): Promise<string> {
  const ask = `ip neigh flush to ${address}; timeout 4 bash -c ': </dev/tcp/${address}/${MEMORY_PORT}' 2>&- || :`;
  return cluster.lab.sh(
    node,
    `${ask}; ip neigh show to ${address} | sed -n 's/.* lladdr \\([^ ]*\\).*/\\1/p'`,
  );
}

async function expectMoved({ source, target }: Way): Promise<void> {
  await ended();
  expect(await show()).toMatchObject({ outcome: 'done' });
  expect(await memory.check()).toMatchObject({ pages: MIB * 256, wrong: 0 });
  const { container } = await atRest(cluster, 'memory');
  expect(container.owner).toBe(target);
  expect(await lxcState(cluster, target, 'memory')).toBe('RUNNING');
  expect(await tracesOf(cluster, source, 'memory')).toEqual([]);
}

describe('a post-copy whose pages are on their way', () => {
  it('survives 5 s without a link', async () => {
    const way = await toPagePhase();
    const cut = [way.source, '--from', way.target];
    await cluster.lab.run(['cut', ...cut]);
    try {
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await expectSourceFrozen(way.source);
      expect(await macFor(way.source, ADDRESS)).toBe('');
      // The source runs the job, and its side of the cut is where it can be asked.
      const { state } = await cluster.json<Job>('job', 'show', job, '--server', busOf(way.source));
      expect(state).toBe('running');
    } finally {
      await cluster.lab.run(['heal', ...cut]);
    }
    const mendedMs = performance.now();
    await ended();
    const recoveryMs = performance.now() - mendedMs;
    await expectMoved(way);
    recordTrial('beside', BESIDE_TRIALS.linkOf1GiB, { outcome: 'done', job: 'done', recoveryMs });
  });

  it("survives the death of the target's agent", async () => {
    const way = await toPagePhase();
    await cluster.lab.run(['agent', way.target, 'kill']);
    await expectMoved(way);
  });

  it("survives the death of the source's agent", async () => {
    const way = await toPagePhase();
    await cluster.lab.run(['agent', way.source, 'kill']);
    await expectMoved(way);
  });

  it('is lost, and frozen, when the source has lost its pages with its power', async () => {
    const { source, target } = await toPagePhase();
    await cluster.lab.run(['power-off', source]);
    expect((await cluster.lab.run(['power-on', source])).exitCode).toBe(0);
    await until('the loss is known', 60_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', 'memory', '--json');
      return exitCode === 0 && JSON.parse(stdout).container.phase === 'lost';
    });
    const { container } = await cluster.json<ContainerInfo>('inspect', 'memory');
    expect(container).toMatchObject({ owner: target, phase: 'lost', state: 'frozen' });
  });
});
