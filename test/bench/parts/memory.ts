import type { Cluster } from '../../e2e/support/cluster.ts';
import { startContainer } from '../../e2e/support/containers.ts';
import { connectMemory, type Memory, memoryArgs } from '../../e2e/support/memory.ts';
import type { Bench } from '../bench.ts';
import { startTwin } from '../tools/bare.ts';
import { moveByLxc } from '../tools/by-lxc.ts';
import { NODES, takeTurns, type Way } from '../tools/turns.ts';

const PAGES_PER_MIB = 256;
const PROGRAMS = ['test/e2e/workloads/memory/memory.py'] as const;
const CONTAINERS = {
  godwit: { name: 'by-godwit', address: '10.77.1.10' },
  bare: { name: 'by-hand', address: '10.77.1.11' },
  lxc: { name: 'by-lxc', address: '10.77.1.12' },
} as const;

/** What is moved: so many MiB over a link of so much; `empty` has only what Python itself needs. */
const MATRIX = {
  quick: { rounds: 2, sizesMib: [1, 256, 1024], links: [undefined] },
  full: { rounds: 5, sizesMib: [1, 256, 1024, 4096], links: [undefined, '1gbit'] },
} as const;
/** More would take minutes a move over the slow link. */
const SLOW_LINK_MOST_MIB = 1024;
/** The images, the page cache of what is sent, and the container itself lie in memory at once, and twice. */
const BY_LXC_MOST_MIB = 1024;

/**
 * The talk's other figures: the migration of an empty container and of one with memory that has to come along, over a link without
 * limit and over one of 1 Gbit/s. Every word of the memory is looked at after every move.
 */
export async function memory(bench: Bench): Promise<void> {
  const { rounds, sizesMib, links } = MATRIX[bench.quick ? 'quick' : 'full'];
  for (const link of links) {
    for (const mib of sizesMib) {
      if (link !== undefined && mib > SLOW_LINK_MOST_MIB) continue;
      const cluster = await bench.lab({ nodes: NODES.length, ...(link === undefined ? {} : { rate: link }) });
      await measure(bench, cluster, { mib, rounds, prefix: `${title(mib)}${link ? ` at ${link}` : ''}, ` });
    }
  }
}

function title(mib: number): string {
  return mib === 1 ? 'empty' : `${mib} MiB`;
}

async function measure(
  bench: Bench,
  cluster: Cluster,
  { mib, rounds, prefix }: { readonly mib: number; readonly rounds: number; readonly prefix: string },
): Promise<void> {
  const { godwit, bare, lxc } = CONTAINERS;
  const shape = { programs: PROGRAMS, args: memoryArgs(mib), memoryMib: 2 * mib + 64 };
  await startContainer(cluster, NODES[0], 'generic', { ...godwit, ...shape });
  const like = { kind: 'generic', of: godwit, nodes: NODES, programs: PROGRAMS } as const;
  await startTwin(cluster, { ...like, ...bare, mac: '02:00:00:00:00:0b' });
  const workloads: Record<Way, Memory> = {
    godwit: await connectMemory(cluster, godwit.address),
    bare: await connectMemory(cluster, bare.address),
  };
  for (const workload of Object.values(workloads)) bench.atEnd(() => void workload.close());
  await takeTurns(bench, cluster, {
    part: 'memory',
    prefix,
    rounds,
    names: { godwit: godwit.name, bare: bare.name },
    seen: (way) => look(way, workloads[way], mib),
  });
  if (mib > BY_LXC_MOST_MIB) return;
  // Theirs have come back to the node where this one starts, for there was an even number of moves.
  await moveByLxc(bench, cluster, {
    part: 'memory',
    prefix,
    rounds,
    twin: { ...like, ...lxc, mac: '02:00:00:00:00:0c' },
    seen: (workload) => look('lxc-checkpoint', workload, mib),
  });
}

async function look(way: string, workload: Memory, mib: number): Promise<Record<string, number>> {
  const { pages, wrong, longestGapMs } = await workload.check();
  if (wrong > 0 || pages !== mib * PAGES_PER_MIB)
    throw new Error(`${way}: ${wrong} of ${pages} pages are wrong`);
  return { 'standstill inside': longestGapMs };
}
