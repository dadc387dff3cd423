import { expect, it } from 'vitest';
import type { BalanceList, ContainerInfo, Job, NodeInfo } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { lxcState } from './support/node-state.ts';
import { startRedisClient } from './support/redis-client.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('ba');
const HOST = '10.77.1.70';
const WORKERS = ['worker0', 'worker1', 'worker2', 'worker3', 'worker4'];
/** Uses three tenths of a processor, whatever the machine: by the CPU time it got, not by the clock. */
const WORK =
  "exec('import time\\nwhile 1:\\n e=time.process_time()+.03\\n while time.process_time()&lt;e: pass\\n time.sleep(.07)')";

it('spreads load from one node over all, with reasons, unseen by a client', async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: HOST, memoryMib: 256 });
  await startAll(WORKERS, 71, WORK);
  const client = await startRedisClient(cluster, { host: HOST, megabytes: 5 });
  // Loads are means over ten seconds.
  let plan: BalanceList['items'] = [];
  await until('the load shows', 120_000, async () => {
    plan = (await cluster.json<BalanceList>('balance')).items;
    return plan.length >= 2;
  });
  for (const { source, target, reason, costMs } of plan) {
    expect(source).toBe('n1');
    expect(['n2', 'n3']).toContain(target);
    expect(reason).toMatch(/^n1 is at \d+ % \(\w+\), n[23] at \d+ %; afterwards \d+ % and \d+ %$/);
    expect(costMs).toBeGreaterThan(0);
  }
  expect(plan.reduce((sum, { gain }) => sum + gain, 0)).toBeGreaterThan(0);

  const { items } = await cluster.json<BalanceList>('balance', '--apply');
  expect(items.length).toBeGreaterThanOrEqual(2);
  for (const { container, target, outcome } of items) {
    expect({ container, outcome }).toEqual({ container, outcome: 'done' });
    await until(`${container} is at rest`, 60_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', container, '--json');
      return exitCode === 0 && (JSON.parse(stdout) as ContainerInfo).container.phase === 'running';
    });
    expect(await lxcState(cluster, target, container)).toBe('RUNNING');
    expect(await lxcState(cluster, 'n1', container)).toBe('none');
  }
  expect(await client.finish()).toMatchObject({ ok: true, wrong: 0, problems: [] });
});

/** Two tenths of a processor each. */
const LIGHT = WORK.replaceAll('.03', '.02').replace('.07', '.08');
const SIX = ['light0', 'light1', 'light2', 'light3', 'light4', 'light5'];
const SHARE = 0.2;
const PERIOD_S = 2;
/** So many looks of each node, without a move, are no chance. */
const QUIET_MS = 10 * PERIOD_S * 1000;

it('agents that balance by themselves spread what runs on one of them, and then leave it where it is', async () => {
  await removeAll();
  const { capacity } = await cluster.json<NodeInfo>('node', 'show', 'n1');
  const one = SHARE / capacity!.cpus;
  // Containers may go again at once: only the threshold and the gain keep them where they are.
  const toml = [
    '[balance]',
    'automatic = true',
    `threshold = ${1.5 * one}`,
    `min_gain = ${0.6 * one}`,
    `period_seconds = ${PERIOD_S}`,
    'stay_seconds = 1',
  ];
  await startAll(SIX, 80, LIGHT);
  for (const node of ['n1', 'n2', 'n3']) {
    await cluster.lab.sh(
      node,
      `printf '%s\n' ${toml.map((line) => `'${line}'`).join(' ')} >>/etc/godwit/agent.toml`,
    );
    expect(await cluster.lab.run(['agent', node, 'restart'])).toMatchObject({ exitCode: 0 });
  }
  let homes: string[] = [];
  const most = () => Math.max(...homes.map((home) => homes.filter((other) => other === home).length));
  await until(
    () => `no node has more than half of them: ${homes}`,
    180_000,
    async () => {
      homes = (await placesOf(SIX)) ?? homes;
      return homes.length === SIX.length && most() <= 3;
    },
  );
  let moves = await movesOf(SIX);
  let sinceMs = performance.now();
  await until(
    () => `nothing moves any more: ${JSON.stringify(moves)}`,
    180_000,
    async () => {
      const now = await movesOf(SIX);
      if (now.length !== moves.length || now.some(({ state }) => state !== 'ended'))
        sinceMs = performance.now();
      moves = now;
      return performance.now() - sinceMs >= QUIET_MS;
    },
  );
  const done = moves.filter(({ outcome }) => outcome === 'done');
  expect(done.length).toBeGreaterThanOrEqual(3);
  // Four are needed; loads that were just being measured may cost as many again.
  expect(done.length).toBeLessThanOrEqual(8);
  homes = (await placesOf(SIX)) ?? [];
  expect(most()).toBeLessThanOrEqual(3);
  for (const [i, name] of SIX.entries()) expect(await lxcState(cluster, homes[i]!, name)).toBe('RUNNING');
});

/** Containers on n1 that do that work; their addresses follow each other. */
async function startAll(names: readonly string[], firstAddress: number, work: string): Promise<void> {
  for (const [i, name] of names.entries())
    await startContainer(cluster, 'n1', 'generic', {
      name,
      address: `10.77.1.${firstAddress + i}`,
      init: '/bin/python3',
      args: ['-I', '-S', '-c', work],
      memoryMib: 64,
    });
}

/** Where they are at rest; undefined while one of them is not, or cannot be asked. */
async function placesOf(names: readonly string[]): Promise<string[] | undefined> {
  const homes: string[] = [];
  for (const name of names) {
    const { exitCode, stdout } = await cluster.godwit('inspect', name, '--json');
    if (exitCode !== 0) return undefined;
    const { container } = JSON.parse(stdout) as ContainerInfo;
    if (container.phase !== 'running') return undefined;
    homes.push(container.owner);
  }
  return homes;
}

async function movesOf(names: readonly string[]): Promise<Job[]> {
  const { items } = await cluster.json<{ items: Job[] }>('job', 'ls');
  return items.filter(({ kind, container }) => kind === 'migrate' && names.includes(container));
}

/** Nothing of another test puts load on a node. */
async function removeAll(): Promise<void> {
  const { items } = await cluster.json<{ items: { name: string }[] }>('ps', '-a');
  for (const { name } of items) {
    await cluster.godwit('stop', '--kill', name);
    await cluster.godwit('undefine', name);
  }
}
