import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ContainerInfo, EvacuateResult } from '../../protocol/mod.ts';
import { checkout } from './support/checkout.ts';
import { lxcState } from './support/node-state.ts';
import { startRanks } from './support/ranks.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('rk');

/** The node that owns all of them, once they are at rest. */
async function placeOf(names: readonly string[]): Promise<string> {
  const owners = new Set<string>();
  for (const name of names)
    await until(`${name} is at rest`, 60_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', name, '--json');
      if (exitCode !== 0) return false;
      const { container } = JSON.parse(stdout) as ContainerInfo;
      if (container.phase === 'running') owners.add(container.owner);
      return container.phase === 'running';
    });
  expect(owners.size).toBe(1);
  const [owner = ''] = owners;
  for (const name of names) expect(await lxcState(cluster, owner, name)).toBe('RUNNING');
  return owner;
}

/** What the unit runs when its node shuts down, as systemd would: `%l` is the host's name. */
function drainCommand(node: string): string {
  const unit = readFileSync(join(checkout, 'deploy/systemd/godwit-drain.service'), 'utf8');
  const [, command = ''] = /^ExecStop=-?(.+)$/m.exec(unit) ?? [];
  expect(command).toContain('/usr/bin/godwit evacuate');
  return command.replaceAll('%l', node).replace('/usr/bin/godwit', 'godwit');
}

it('two ranks of a job keep their connection while both leave, one after the other, and together at a shutdown', async () => {
  const ranks = await startRanks(cluster, 'n1', 'n1');
  const result = await cluster.json<EvacuateResult>('evacuate', 'n1');
  expect(result).toMatchObject({ outcome: 'done', groups: [{ group: 'job', members: 2 }] });
  // Nothing is counted twice where one moves after the other.
  expect(result.groups[0]?.pauseMs).toBeCloseTo(result.groups[0]?.sumMs ?? Number.NaN, 3);
  const second = await placeOf(ranks.names);
  expect(second).not.toBe('n1');
  await ranks.goOn();

  expect(await cluster.godwit('node', 'uncordon', 'n1')).toMatchObject({ exitCode: 0 });
  await cluster.lab.sh(second, drainCommand(second));
  const third = await placeOf(ranks.names);
  expect(third).not.toBe(second);
  await ranks.goOn();
});
