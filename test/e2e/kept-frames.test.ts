import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { compiled } from './support/checkout.ts';
import { startContainer } from './support/containers.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const HOST = '10.77.1.20';
/** Longer than any reply may take here: what the client's TCP would send again by itself never helps it. */
const RESEND_SECONDS = 100;
const CONNECTIONS = 200;
const program = compiled('test/e2e/workloads/pings/main.ts');
const cluster = useCluster('kf', { nodes: 2 });

const client = async (...argv: readonly string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await cluster.lab.run(['client', '--', ...argv]);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
};

beforeAll(async () => {
  const [route = ''] = (await client('ip', '-4', 'route', 'show', '10.77.0.0/16')).split('\n');
  await client('ip', 'route', 'change', ...route.trim().split(/\s+/), 'rto_min', `${RESEND_SECONDS}s`);
  await client('sysctl', '-qw', 'net.ipv4.tcp_early_retrans=0');
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: HOST });
});
afterAll(async () => {
  expect(await packetSockets('n1')).toBe('');
  expect(await packetSockets('n2')).toBe('');
});

it.each([
  ['postcopy', 'n2'],
  ['cold', 'n1'],
] as const)(
  'answers what came while it stood still (%s), though no client sends it again',
  async (mode, target) => {
    const pings = cluster.lab.start(['client', '--', 'node', program, HOST, String(CONNECTIONS)], {
      stdin: 'pipe',
    });
    if (!pings.stdout || !pings.stdin) throw new Error('the client has no pipes');
    const lines = createInterface(pings.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    await cluster.json<MigrateResult>('migrate', 'redis', target, '--mode', mode);
    pings.kill('SIGTERM');
    expect(Number((await lines.next()).value)).toBeLessThan(RESEND_SECONDS * 1_000);
    const connections = await client('ss', '-tinH', 'state', 'established', 'dst', HOST);
    expect(connections).toContain(HOST);
    expect(connections).not.toMatch(/retrans:/);
    pings.stdin.end();
    await until(
      'nobody listens any more',
      30_000,
      async () => (await packetSockets('n1')) + (await packetSockets('n2')) === '',
    );
  },
);

/** One line for each packet socket of a node. */
function packetSockets(node: string): Promise<string> {
  return cluster.lab.sh(node, 'tail -n +2 /proc/net/packet');
}
