import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { checkout } from './support/checkout.ts';
import { startContainer } from './support/containers.ts';
import { useCluster } from './support/use-lab.ts';

const HOST = '10.77.1.22';
/** Of these moves two in three were heard before the interfaces went first. */
const MOVES = 8;
const program = join(checkout, 'test/e2e/workloads/echoes/echoes.pl');
const cluster = useCluster('uh', { nodes: 2 });

const bridge = async (...args: readonly string[]): Promise<void> => {
  const { exitCode, stderr } = await cluster.lab.run(['client', '--', 'bridge', ...args]);
  if (exitCode !== 0) throw new Error(`bridge ${args.join(' ')}: ${stderr}`);
};

it('a source says nothing any more while it is taken away, whatever comes to it', async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: HOST });
  const [, mac = ''] = /<mac address='([^']+)'/.exec((await cluster.godwit('dumpxml', 'redis')).stdout) ?? [];
  const late: number[] = [];
  for (let move = 0; move < MOVES; move++) {
    const [source, target] = move % 2 === 0 ? (['n1', 'n2'] as const) : (['n2', 'n1'] as const);
    // Both switches on the way send everything to the source, whatever the target says.
    await bridge('fdb', 'replace', mac, 'dev', source, 'master', 'static', 'sticky');
    await cluster.lab.sh(
      source,
      `bridge fdb replace ${mac} dev $(ls /sys/class/net | grep ^gw) master static sticky`,
    );
    try {
      const echoes = cluster.lab.start(['client', '--', 'perl', program, HOST]);
      if (!echoes.stdout) throw new Error('the client has no output');
      const lines = createInterface(echoes.stdout)[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe('ready');
      await cluster.json<MigrateResult>('migrate', 'redis', target, '--mode', 'cold');
      echoes.kill('SIGTERM');
      const [sent = '', heard = ''] = String((await lines.next()).value).split(' ');
      expect(Number(sent)).toBeGreaterThan(1_000);
      late.push(Number(heard));
      if (echoes.exitCode === null) await once(echoes, 'exit');
    } finally {
      await bridge('fdb', 'del', mac, 'dev', source, 'master');
    }
  }
  expect(late).toEqual(Array(MOVES).fill(0));
});
