import { startContainer } from '../../e2e/support/containers.ts';
import type { Bench } from '../bench.ts';
import { startTwin } from '../tools/bare.ts';
import { openRequester } from '../tools/requester.ts';
import { openShell } from '../tools/shell.ts';

const GODWIT = { name: 'by-godwit', address: '10.77.1.10' } as const;
const BARE = { name: 'by-hand', address: '10.77.1.11' } as const;
const RUNS = { quick: 20, full: 200 } as const;

/**
 * The talk's first figure: what the driver costs over LXC's own command line. Two like containers start and stop in turns, one by a
 * request to its agent, one by lxc-start and lxc-stop in a shell of the same node; whoever was first is second next time.
 */
export async function overhead(bench: Bench): Promise<void> {
  const cluster = await bench.lab({ nodes: 1 });
  await startContainer(cluster, 'n1', 'redis', GODWIT);
  await startTwin(cluster, { kind: 'redis', of: GODWIT, ...BARE, mac: '02:00:00:00:00:0b', nodes: ['n1'] });
  const { ask } = openRequester(bench, cluster);
  const shell = openShell(bench, cluster, ['exec', 'n1']);
  const container = { family: 'container', name: GODWIT.name } as const;
  const ways = {
    godwit: {
      start: async () => (await ask({ ...container, verb: 'start' })).ms,
      stop: async () => (await ask({ ...container, verb: 'stop', body: { kill: true } })).ms,
    },
    bare: {
      start: () => shell.time(`lxc-start -n ${BARE.name} -d`),
      stop: () => shell.time(`lxc-stop -n ${BARE.name} -k`),
    },
  } as const;
  const runs = bench.quick ? RUNS.quick : RUNS.full;
  for (let run = 0; run <= runs; run++) {
    const order = run % 2 === 1 ? (['bare', 'godwit'] as const) : (['godwit', 'bare'] as const);
    for (const what of ['stop', 'start'] as const) {
      for (const way of order) {
        const ms = await ways[way][what]();
        // The first round fills caches.
        if (run > 0) bench.sample({ part: 'overhead', what, way, figure: 'took', unit: 'ms' }, ms);
      }
    }
    if (run % 20 === 0) bench.say(`overhead: ${run} of ${runs}`);
  }
}
