import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../e2e/support/cluster.ts';

/** Commands per second that redis-check sends when nothing holds it up. */
const RATE = 1_000;
const WINDOW_MS = 500;
const DEADLINE_MS = 60_000;

/**
 * Waits until a container's client is back at its pace: after a gap it sends as fast as it can until it has caught up, which
 * would make the next move pay for the last one. Rejects after a minute.
 */
export async function caughtUp(cluster: Cluster, host: string): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  let before = await commands(cluster, host);
  while (performance.now() < endMs) {
    await sleep(WINDOW_MS);
    const now = await commands(cluster, host);
    const rate = ((now.count - before.count) / (now.atMs - before.atMs)) * 1000;
    // A client that stands still or crawls on a busy machine is not catching up.
    if (rate <= 1.3 * RATE) return;
    before = now;
  }
  throw new Error(`the client of ${host} does not catch up within ${DEADLINE_MS} ms`);
}

async function commands(cluster: Cluster, host: string): Promise<{ count: number; atMs: number }> {
  const result = await cluster.lab.run(['client', '--', 'redis-cli', '-h', host, 'INFO', 'stats']);
  const count = /total_commands_processed:(\d+)/.exec(result.stdout)?.[1];
  if (count === undefined) throw new Error(`redis-cli: ${result.stderr || result.stdout}`);
  return { count: Number(count), atMs: performance.now() };
}
