import type { Job } from '../../../protocol/mod.ts';
import type { Cluster } from '../../e2e/support/cluster.ts';
import { startContainer } from '../../e2e/support/containers.ts';
import { type RedisClient, startRedisClient } from '../../e2e/support/redis-client.ts';
import type { Bench } from '../bench.ts';
import type { Allowance } from '../tools/allowance.ts';
import { startTwin } from '../tools/bare.ts';
import { caughtUp } from '../tools/caught-up.ts';
import { MODES, NODES, takeTurns, WAYS, type Way } from '../tools/turns.ts';

const MEGABYTES = 250;
const CONTAINERS = {
  godwit: { name: 'by-godwit', address: '10.77.1.10' },
  bare: { name: 'by-hand', address: '10.77.1.11' },
} as const;

/**
 * Two like Redis containers under load, one moved by godwit, one by hand (`bare-move`): downtime, and the gap that a client sees which
 * compares every reply on one connection. At the end the clients read every key back; what was lost fails the run.
 */
export async function moves(bench: Bench, allowance: Allowance): Promise<void> {
  const cluster = await bench.lab({ nodes: NODES.length });
  const clients = await bench.slowly(`starting two containers with ${MEGABYTES} MB each`, () =>
    startBoth(bench, cluster),
  );
  const postcopies: { readonly job: string; readonly downtimeMs: number }[] = [];
  await takeTurns(bench, cluster, {
    part: 'moves',
    rounds: bench.quick ? 3 : 8,
    modes: MODES,
    allowance,
    names: { godwit: CONTAINERS.godwit.name, bare: CONTAINERS.bare.name },
    async before() {
      for (const { address } of Object.values(CONTAINERS)) await caughtUp(cluster, address);
    },
    moved: (move) => move.mode === 'postcopy' && postcopies.push(move),
    seen: async (way, move) => ({ 'client gap': (await clients[way].gapOf(move)).ms }),
  });
  postcopies.sort((one, other) => one.downtimeMs - other.downtimeMs);
  const middle = postcopies[Math.floor(postcopies.length / 2)];
  if (middle) bench.postcopy(await cluster.json<Job>('job', 'show', middle.job));
  await bench.slowly('the clients read every key back', () => judge(clients));
}

async function startBoth(bench: Bench, cluster: Cluster): Promise<Record<Way, RedisClient>> {
  const { godwit, bare } = CONTAINERS;
  await startContainer(cluster, NODES[0], 'redis', godwit);
  await startTwin(cluster, { kind: 'redis', of: godwit, ...bare, mac: '02:00:00:00:00:0b', nodes: NODES });
  const start = async (way: Way) => {
    const client = await startRedisClient(cluster, { host: CONTAINERS[way].address, megabytes: MEGABYTES });
    bench.atEnd(() => client.kill());
    return client;
  };
  return { godwit: await start('godwit'), bare: await start('bare') };
}

async function judge(clients: Record<Way, RedisClient>): Promise<void> {
  for (const way of WAYS) {
    const { ok, problems, verifiedKeys, keys } = await clients[way].finish();
    if (!ok) throw new Error(`${way}: ${verifiedKeys} of ${keys} keys are right; ${problems.join('; ')}`);
  }
}
