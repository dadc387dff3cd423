import type { Job } from '../../../protocol/mod.ts';
import { startContainer } from '../../e2e/support/containers.ts';
import { until } from '../../e2e/support/until.ts';
import type { Bench } from '../bench.ts';
import type { Allowance } from '../tools/allowance.ts';
import { startTwin } from '../tools/bare.ts';
import { openRequester, type Question, type Requester } from '../tools/requester.ts';
import { openShell, type Shell } from '../tools/shell.ts';

const GODWIT = { name: 'by-godwit', address: '10.77.1.10' } as const;
const BARE = { name: 'by-hand', address: '10.77.1.11' } as const;
const RUNS = { quick: 6, full: 200 } as const;
const STEPS = ['start', 'checkpoint', 'restore', 'stop'] as const;
/** Where bare checkpoints lie: on the file system that the store is on. */
const IMAGES = '/srv/godwit/images-by-hand';
const ENDED_MS = 60_000;

type Step = (typeof STEPS)[number];

/**
 * The talk's first figure: what the driver costs over LXC's own command line. Two like containers go through start, checkpoint, restore
 * and stop in turns, one by requests to its agent, one by lxc-start, lxc-checkpoint and lxc-stop in a shell of the same node; whoever was
 * first is second next time. Each goes through all four, for lxc-checkpoint cannot dump what it has restored.
 */
export async function overhead(bench: Bench, allowance: Allowance): Promise<void> {
  const cluster = await bench.lab({ nodes: 1 });
  await startContainer(cluster, 'n1', 'redis', GODWIT);
  await startTwin(cluster, { kind: 'redis', of: GODWIT, ...BARE, mac: '02:00:00:00:00:0b', nodes: ['n1'] });
  const requester = openRequester(bench, cluster);
  const shell = openShell(bench, cluster, ['exec', 'n1']);
  const ways = { godwit: byGodwit(requester), bare: byHand(shell) } as const;
  for (const way of Object.values(ways)) await way.stop();
  const runs = bench.quick ? RUNS.quick : RUNS.full;
  for (let run = 0; run <= runs; run++) {
    if (run > RUNS.quick && allowance.up()) break;
    const order = run % 2 === 1 ? (['bare', 'godwit'] as const) : (['godwit', 'bare'] as const);
    for (const what of STEPS) {
      for (const way of order) {
        const ms = await ways[way][what]();
        // The first round fills caches.
        if (run > 0) bench.sample({ part: 'overhead', what, way, figure: 'took', unit: 'ms' }, ms);
      }
    }
    await shell.time(`rm -rf ${IMAGES}`);
    await requester.ask({
      family: 'node',
      name: 'n1',
      verb: 'checkpoint-prune',
      body: { container: GODWIT.name, keep: 1 },
    });
    if (run % 20 === 0) bench.say(`overhead: ${run} of ${runs}`);
  }
}

function byGodwit({ ask }: Requester): Record<Step, () => Promise<number>> {
  const container = { family: 'container', name: GODWIT.name } as const;
  /** Until the job has ended, by the clock that agents and this process have in common. */
  const job = async (question: Question): Promise<number> => {
    const sentAtMs = Date.now();
    const { reply } = await ask<{ readonly job: string }>(question);
    let ended: Job | undefined;
    await until(`job ${reply.job} ends`, ENDED_MS, async () => {
      const info = await ask<{ readonly job: Job }>({ family: 'job', name: reply.job, verb: 'info' });
      ended = info.reply.job;
      return ended.state === 'ended';
    });
    if (ended?.outcome !== 'done') throw new Error(`job ${reply.job}: ${ended?.error?.message}`);
    return (ended.endedAtMs ?? Number.NaN) - sentAtMs;
  };
  return {
    start: async () => (await ask({ ...container, verb: 'start' })).ms,
    checkpoint: () => job({ ...container, verb: 'checkpoint' }),
    restore: () => job({ family: 'node', name: 'n1', verb: 'restore', body: { container: GODWIT.name } }),
    stop: async () => (await ask({ ...container, verb: 'stop', body: { kill: true } })).ms,
  };
}

function byHand({ time }: Shell): Record<Step, () => Promise<number>> {
  return {
    start: () => time(`lxc-start -n ${BARE.name} -d`),
    checkpoint: () => time(`lxc-checkpoint -s -n ${BARE.name} -D ${IMAGES}`),
    restore: () => time(`lxc-checkpoint -r -n ${BARE.name} -D ${IMAGES} -d`),
    stop: () => time(`lxc-stop -n ${BARE.name} -k`),
  };
}
