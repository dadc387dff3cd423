import { expect, it } from 'vitest';
import type { BalanceList, ContainerInfo } from '../../protocol/mod.ts';
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
  for (const [i, name] of WORKERS.entries())
    await startContainer(cluster, 'n1', 'generic', {
      name,
      address: `10.77.1.${71 + i}`,
      init: '/bin/python3',
      args: ['-I', '-S', '-c', WORK],
      memoryMib: 64,
    });
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
