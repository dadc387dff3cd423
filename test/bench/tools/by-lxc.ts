import type { Cluster } from '../../e2e/support/cluster.ts';
import { connectMemory } from '../../e2e/support/memory.ts';
import type { Bench } from '../bench.ts';
import { moveByHand, startAgain, startTwin, type Twin } from './bare.ts';

/** What is moved, and what its figures are kept under. */
export interface LxcMoves {
  readonly part: string;
  readonly prefix: string;
  readonly rounds: number;
  readonly twin: Twin;
  /** Looks at every word of its memory; rejects when one is wrong. */
  seen(workload: Awaited<ReturnType<typeof connectMemory>>): Promise<Record<string, number>>;
}

/**
 * The same cold move as LXC's own tools offer it: lxc-checkpoint, tar, lxc-checkpoint -r. They cannot dump a container that they have
 * restored, so that each move gets one that has just started.
 */
export async function moveByLxc(bench: Bench, cluster: Cluster, moves: LxcMoves): Promise<void> {
  const { part, prefix, rounds, twin } = moves;
  const [source, target = source] = twin.nodes;
  for (let round = 0; round <= rounds; round++) {
    await (round === 0 ? startTwin(cluster, twin) : startAgain(cluster, twin));
    const workload = await connectMemory(cluster, twin.address);
    bench.atEnd(() => void workload.close());
    await workload.check();
    const startMs = performance.now();
    const { downtimeMs, parts } = await moveByHand(cluster, { mode: 'lxc', name: twin.name, source, target });
    const whole = performance.now() - startMs;
    const times = { downtime: downtimeMs, ...(await moves.seen(workload)), whole };
    bench.say(`${prefix}cold lxc-checkpoint ${round} of ${rounds}: downtime ${downtimeMs} ms`);
    await cluster.lab.sh(target, `lxc-stop -n ${twin.name} -k`);
    // The first round fills caches.
    if (round === 0) continue;
    const of = { part, what: `${prefix}cold`, way: 'lxc-checkpoint', unit: 'ms' } as const;
    for (const [figure, ms] of Object.entries(times)) bench.sample({ ...of, figure }, ms);
    for (const [name, ms] of Object.entries(parts))
      if (name !== 'lazyDaemon') bench.sample({ ...of, figure: `of it: ${name}` }, ms);
  }
}
