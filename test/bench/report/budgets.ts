import { choose, type Measurement, median } from '../document.ts';

type All = readonly Measurement[];

/** A promise about speed or size (section 13 of the design), and how it is read off a run. */
interface Budget {
  readonly what: string;
  readonly unit: string;
  readonly limit: number;
  /** What was measured; NaN when the run does not have it. At most the limit, unless `atLeast`. */
  readonly measured: (all: All) => number;
  readonly atLeast?: true;
}

/** A budget as a run met it. */
export interface Verdict {
  readonly what: string;
  readonly unit: string;
  readonly limit: string;
  readonly measured: number;
  readonly met: boolean;
}

/** What is more than the bare tool took, in the middle of both. */
const overhead = (what: string) => (all: All) =>
  middle(all, 'overhead', what, 'took') - middle(all, 'overhead', what, 'took', 'bare');

const SIZES = ['256 MiB', '1024 MiB', '4096 MiB'] as const;
/** 1 Gbit/s in MiB/s. */
const GIGABIT = 1e9 / 8 / 1024 / 1024;

/** The longest of the post-copies of all sizes to the shortest; NaN of a run that leaves one out. */
const spread = (figure: string) => (all: All) => {
  const measured = SIZES.map((size) => middle(all, 'memory', `${size}, postcopy`, figure));
  return Math.max(...measured) / Math.min(...measured);
};

const BUDGETS: readonly Budget[] = [
  { what: 'start, more than lxc-start', unit: 'ms', limit: 10, measured: overhead('start') },
  { what: 'stop, more than lxc-stop', unit: 'ms', limit: 10, measured: overhead('stop') },
  {
    what: 'checkpoint, more than lxc-checkpoint',
    unit: 'ms',
    limit: 10,
    measured: overhead('checkpoint'),
  },
  { what: 'restore, more than lxc-checkpoint -r', unit: 'ms', limit: 10, measured: overhead('restore') },
  {
    what: 'downtime of a post-copy, 1 GiB',
    unit: 'ms',
    limit: 250,
    measured: (all) => middle(all, 'memory', '1024 MiB, postcopy', 'downtime'),
  },
  {
    what: 'downtime of a post-copy, longest to shortest from 256 MiB to 4 GiB',
    unit: '',
    limit: 1.3,
    measured: spread('downtime'),
  },
  {
    what: 'standstill inside of a post-copy, 1 GiB',
    unit: 'ms',
    limit: 150,
    measured: (all) => middle(all, 'memory', '1024 MiB, postcopy', 'standstill inside'),
  },
  {
    what: 'standstill inside of a post-copy, longest to shortest from 256 MiB to 4 GiB',
    unit: '',
    limit: 1.3,
    measured: spread('standstill inside'),
  },
  {
    what: 'client gap of a post-copy, Redis with 250 MB',
    unit: 'ms',
    limit: 300,
    measured: (all) => middle(all, 'moves', 'postcopy', 'client gap'),
  },
  {
    what: 'downtime of a pre-copy to that of a cold move, 1 GiB idle',
    unit: '',
    limit: 0.2,
    measured: (all) =>
      middle(all, 'memory', '1024 MiB, precopy', 'downtime') /
      middle(all, 'memory', '1024 MiB, cold', 'downtime'),
  },
  {
    what: 'whole cold move, 1 GiB at 1 Gbit/s, to 1.1 times its bytes at line rate + 1 s',
    unit: '',
    limit: 1,
    measured: (all) => {
      const seconds = middle(all, 'memory', '1024 MiB at 1gbit, cold', 'whole') / 1_000;
      return seconds / (1.1 * (middle(all, 'memory', '1024 MiB at 1gbit, cold', 'bytes') / GIGABIT) + 1);
    },
  },
  {
    what: 'throughput of the tunnel to that of plain TCP, its four processes on the cores of one machine',
    unit: '',
    limit: 0.7,
    atLeast: true,
    measured: (all) => rate(all, 'tunnel', 'throughput') / rate(all, 'direct', 'throughput'),
  },
  {
    what: 'throughput of the tunnel to that of plain TCP, with a core each as on two machines',
    unit: '',
    limit: 0.7,
    atLeast: true,
    measured: (all) => rate(all, 'tunnel', 'with a core each') / rate(all, 'direct', 'with a core each'),
  },
  {
    what: 'request of a move to accepted',
    unit: 'ms',
    limit: 5,
    measured: (all) => middle(all, 'control', 'request to accepted', 'took'),
  },
  {
    what: '`godwit ps` with 100 containers, the whole process',
    unit: 'ms',
    limit: 150,
    measured: (all) => middle(all, 'control', 'godwit ps -a, 100 containers', 'took'),
  },
  {
    what: "idle agent's CPU",
    unit: '% of a core',
    limit: 1,
    measured: (all) => middle(all, 'control', 'idle agent', 'CPU'),
  },
  {
    what: "idle agent's memory",
    unit: 'MiB',
    limit: 90,
    measured: (all) => middle(all, 'control', 'idle agent', 'memory'),
  },
];

/** Every budget that the run has measured. */
export function judgeBudgets(all: All): Verdict[] {
  return BUDGETS.map(({ what, unit, limit, measured, atLeast = false }) => {
    const value = measured(all);
    const met = atLeast ? value >= limit : value <= limit;
    return { what, unit, limit: `${atLeast ? '≥' : '≤'} ${limit}`, measured: value, met };
  }).filter((verdict) => !Number.isNaN(verdict.measured));
}

function middle(all: All, part: string, what: string, figure: string, way = 'godwit'): number {
  return median(choose(all, { part, what, figure, way })[0]?.values ?? []);
}

function rate(all: All, way: string, figure: string): number {
  return median(choose(all, { part: 'tunnel', way, figure })[0]?.values ?? []);
}
