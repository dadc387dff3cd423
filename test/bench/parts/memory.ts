import type { NodeInfo } from '../../../protocol/mod.ts';
import type { Cluster } from '../../e2e/support/cluster.ts';
import { startContainer } from '../../e2e/support/containers.ts';
import { connectMemory, type Memory, memoryArgs } from '../../e2e/support/memory.ts';
import type { Bench } from '../bench.ts';
import { allow } from '../tools/allowance.ts';
import { startTwin } from '../tools/bare.ts';
import { moveByLxc } from '../tools/by-lxc.ts';
import { MODES, type Mode, NODES, POSTCOPY, TRACKING_MODES, takeTurns, type Way } from '../tools/turns.ts';
import { type Load, loadMemory } from '../tools/writers.ts';

const PAGES_PER_MIB = 256;
const PROGRAMS = ['test/e2e/workloads/memory/memory.py'] as const;
const CONTAINERS = {
  godwit: { name: 'by-godwit', address: '10.77.1.10' },
  bare: { name: 'by-hand', address: '10.77.1.11' },
  lxc: { name: 'by-lxc', address: '10.77.1.12' },
} as const;

/** What is moved: so many MiB, over a link of so much, while so much of it is written. */
interface Case {
  /** 1: only what Python itself needs. */
  readonly mib: number;
  readonly link?: string;
  readonly load?: Load;
  readonly rounds: number;
  /** Then it takes no further rounds. */
  readonly minutes: number;
  /** All that the kernel can do unless told. */
  readonly modes?: readonly Mode[];
}

const CASES: Readonly<Record<'quick' | 'full', readonly Case[]>> = {
  quick: [
    { mib: 1, rounds: 2, minutes: 0.5 },
    { mib: 256, rounds: 2, minutes: 0.5 },
    { mib: 1024, rounds: 2, minutes: 1 },
  ],
  full: [
    { mib: 1, rounds: 5, minutes: 1 },
    { mib: 256, rounds: 4, minutes: 1.5 },
    { mib: 1024, rounds: 3, minutes: 3.5 },
    { mib: 4096, rounds: 2, minutes: 4, modes: [POSTCOPY] },
    { mib: 1024, load: 'steady', rounds: 2, minutes: 2 },
    { mib: 1024, load: 'bursty', rounds: 2, minutes: 2 },
    { mib: 1024, link: '1gbit', rounds: 3, minutes: 3.5 },
  ],
};
/** What a slow machine does instead of these; it takes what that takes. */
const ONE_ROUND = { rounds: 1, minutes: Number.POSITIVE_INFINITY } as const;
/** The images, the page cache of what is sent, and the container itself lie in memory at once, and twice. */
const BY_LXC_MOST_MIB = 1024;
/** A minute each with 1 GiB. */
const BY_LXC_ROUNDS = 2;

/**
 * The talk's other figures: the migration of an empty container and of one with memory that has to come along, over a link without
 * limit and over one of 1 Gbit/s. Every word of the memory is looked at after every move.
 */
export async function memory(bench: Bench): Promise<void> {
  const { quick, mib } = bench;
  for (const one of mib === undefined ? CASES[quick ? 'quick' : 'full'] : [{ mib, ...ONE_ROUND }]) {
    const { link } = one;
    const cluster = await bench.lab({ nodes: NODES.length, ...(link === undefined ? {} : { rate: link }) });
    await measure(bench, cluster, one);
  }
}

function title({ mib, link, load }: Case): string {
  return `${mib === 1 ? 'empty' : `${mib} MiB`}${load ? `, ${load} writer` : ''}${link ? ` at ${link}` : ''}`;
}

async function measure(bench: Bench, cluster: Cluster, one: Case): Promise<void> {
  const { godwit, bare, lxc } = CONTAINERS;
  const { mib, rounds, load, minutes } = one;
  const prefix = `${title(one)}, `;
  const shape = { programs: PROGRAMS, args: memoryArgs(mib), memoryMib: 2 * mib + 64 };
  await startContainer(cluster, NODES[0], 'generic', { ...godwit, ...shape });
  const like = { kind: 'generic', of: godwit, nodes: NODES, programs: PROGRAMS } as const;
  await startTwin(cluster, { ...like, ...bare, mac: '02:00:00:00:00:0b' });
  const workloads: Record<Way, Memory> = {
    godwit: await connectMemory(cluster, godwit.address),
    bare: await connectMemory(cluster, bare.address),
  };
  for (const workload of Object.values(workloads)) {
    bench.atEnd(() => void workload.close());
    if (load) await loadMemory(workload, load);
  }
  const all = (await tracksMemory(cluster)) ? [...MODES, ...TRACKING_MODES] : MODES;
  const nodes = await takeTurns(bench, cluster, {
    part: 'memory',
    prefix,
    rounds,
    modes: one.modes ?? all,
    allowance: allow(minutes * bench.share, bench.say),
    names: { godwit: godwit.name, bare: bare.name },
    seen: (way) => look(way, workloads[way], mib),
  });
  if (mib > BY_LXC_MOST_MIB || load) return;
  await moveByLxc(bench, cluster, {
    part: 'memory',
    prefix,
    rounds: Math.min(rounds, BY_LXC_ROUNDS),
    twin: { ...like, ...lxc, nodes, mac: '02:00:00:00:00:0c' },
    seen: (workload) => look('lxc-checkpoint', workload, mib),
  });
}

/** Whether the kernel can tell which pages were written: without that there is no pre-copy and no hybrid. */
async function tracksMemory(cluster: Cluster): Promise<boolean> {
  const { capabilities } = await cluster.json<NodeInfo>('node', 'show', NODES[0]);
  return capabilities.features.mem_dirty_track === true;
}

async function look(way: string, workload: Memory, mib: number): Promise<Record<string, number>> {
  const { pages, wrong, longestGapMs } = await workload.check();
  if (wrong > 0 || pages !== mib * PAGES_PER_MIB)
    throw new Error(`${way}: ${wrong} of ${pages} pages are wrong`);
  return { 'standstill inside': longestGapMs };
}
