import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { startRedisClient } from './support/redis-client.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const HOST = '10.77.1.20';
/** Longer than any reply may take here: what the client's TCP would send again by itself never helps it. */
const RESEND_SECONDS = 100;
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
    const redis = await startRedisClient(cluster, { host: HOST, megabytes: 10 });
    const sinceMs = Date.now();
    const { downtimeMs } = await cluster.json<MigrateResult>('migrate', 'redis', target, '--mode', mode);
    const gap = await redis.gapOf({ sinceMs, downtimeMs: downtimeMs ?? 0 });
    expect(gap.ms).toBeLessThan(RESEND_SECONDS * 1_000);
    const connections = await client('ss', '-tinH', 'dst', HOST);
    expect(connections).toContain(HOST);
    expect(connections).not.toMatch(/retrans:/);
    expect(await redis.finish()).toMatchObject({ ok: true, wrong: 0, problems: [] });
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
