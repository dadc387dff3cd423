import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, Job, MigrateReply, Mode } from '../../protocol/mod.ts';
import { armAgent } from '../e2e/chaos/agents.ts';
import { type Memory, startMemory } from '../e2e/support/memory.ts';
import { networkLocks, tracesOf } from '../e2e/support/node-state.ts';
import { until } from '../e2e/support/until.ts';
import { useCluster } from '../e2e/support/use-lab.ts';

const HOW = ['--iterations', '2', '--bandwidth', '16MiB/s', '--detach'];
const PATIENCE_MS = 180_000;
const cluster = useCluster('vf', { nodes: 2 });

/** A move of a container from n1 to n2 in which an agent is killed. */
async function moveThatFails(name: string, mode: Mode, point: string): Promise<Job> {
  await armAgent(cluster.lab, point.startsWith('source') ? 'n1' : 'n2', `${point}:kill-agent`);
  await until('both nodes answer', PATIENCE_MS, async () => {
    const { exitCode, stdout } = await cluster.godwit('node', 'ls', '-o', 'name');
    return exitCode === 0 && stdout.trim().split('\n').length === 2;
  });
  const { job } = await cluster.json<MigrateReply>('migrate', name, 'n2', '--mode', mode, ...HOW);
  const seen: { job?: Job } = {};
  await until(`${mode} ${point}: the job has ended`, PATIENCE_MS, async () => {
    const { exitCode, stdout } = await cluster.godwit('job', 'show', job ?? '', '--json');
    if (exitCode === 0) seen.job = JSON.parse(stdout);
    return seen.job?.state === 'ended';
  });
  if (!seen.job) throw new Error(`no job ${job}`);
  return seen.job;
}

/** It runs on one node, whole and reachable; nothing of its move is left on either. */
async function expectWhole(name: string, memory: Memory, node: 'n1' | 'n2'): Promise<void> {
  const jobs = 'ls /run/godwit/jobs; grep -c godwit/jobs /proc/mounts || :';
  for (const each of ['n1', 'n2'])
    await until(
      `nothing of the move is left on ${each}`,
      PATIENCE_MS,
      async () => (await cluster.lab.sh(each, jobs)) === '0',
    );
  await until(`${node} answers for ${name}`, PATIENCE_MS, async () => {
    const { exitCode, stdout } = await cluster.godwit('inspect', name, '--json');
    if (exitCode !== 0) return false;
    const { container }: ContainerInfo = JSON.parse(stdout);
    return container.owner === node && container.phase === 'running' && container.job === undefined;
  });
  expect(await memory.check()).toMatchObject({ wrong: 0 });
  expect(await networkLocks(cluster, node, name)).toBe('');
  expect(await tracesOf(cluster, node === 'n1' ? 'n2' : 'n1', name)).toEqual([]);
}

describe('an agent that is killed before the freeze of a move with rounds', () => {
  let memory: Memory;
  beforeAll(async () => {
    memory = await startMemory(cluster, 'n1', { name: 'rounds', address: '10.77.1.50', mib: 32 });
    await memory.write(400, 8);
  });
  afterAll(() => memory.close());

  it.each([
    ['precopy', 'source.round'],
    ['precopy', 'target.round'],
    ['hybrid', 'source.switch'],
    ['hybrid', 'target.switch'],
  ] as const)('%s, %s: the container runs on at the source', async (mode, point) => {
    const { outcome } = await moveThatFails('rounds', mode, point);
    expect(outcome).toBe('failed');
    await expectWhole('rounds', memory, 'n1');
  });

  it('and while the rest of a hybrid is filled in: the next one brings it to its end', async () => {
    const { outcome } = await moveThatFails('rounds', 'hybrid', 'target.fill');
    expect(outcome).toBe('done');
    await expectWhole('rounds', memory, 'n2');
  });
});

it('an agent that is killed while a pre-copy is filled in from its own node: the next one brings it to its end', async () => {
  const wish = { name: 'large', address: '10.77.1.51', mib: 260 };
  const memory = await startMemory(cluster, 'n1', wish);
  const { outcome, phases, error } = await moveThatFails('large', 'precopy', 'target.fill');
  expect(error).toBeUndefined();
  expect(outcome).toBe('done');
  expect(phases.some(({ name }) => name === 'pager')).toBe(true);
  await expectWhole('large', memory, 'n2');
  await memory.close();
});
