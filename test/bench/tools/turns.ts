import type { MigrateResult } from '../../../protocol/mod.ts';
import type { Cluster } from '../../e2e/support/cluster.ts';
import type { Bench } from '../bench.ts';
import type { Allowance } from './allowance.ts';
import { moveByHand } from './bare.ts';

export const NODES = ['n1', 'n2'] as const;
export const WAYS = ['godwit', 'bare'] as const;
export const POSTCOPY: Mode = { title: 'postcopy' };
/** Every kernel can do these. */
export const MODES: readonly Mode[] = [{ title: 'cold' }, POSTCOPY];
/** These need a kernel that tracks memory. What the talk did is `precopy`: two pre-dumps, by hand with criu's page server. */
export const TRACKING_MODES: readonly Mode[] = [
  { title: 'precopy', flags: ['--mode', 'precopy', '--iterations', '2'] },
  { title: 'precopy, dynamic', flags: ['--mode', 'precopy', '--iterations', 'dynamic'], alone: true },
  { title: 'hybrid', alone: true },
];
/** So many rounds are measured however long they take. */
const ROUNDS_LEAST = 2;
/** Memory follows in these. */
const LAZY = new Set(['postcopy', 'hybrid']);
const MIB = 1024 * 1024;

export type Way = (typeof WAYS)[number];

/** How a move is asked for. */
export interface Mode {
  /** Also what the bare script calls it. */
  readonly title: string;
  /** `--mode TITLE` unless told. */
  readonly flags?: readonly string[];
  /** Nothing by hand stands beside it. */
  readonly alone?: true;
}

/** Moves that are measured: each way has a container of its own, alike in everything but name and address. */
export interface Turns {
  readonly part: string;
  /** Stands in front of the mode in the name of what was done: `1024 MiB, `. */
  readonly prefix?: string;
  readonly rounds: number;
  readonly modes: readonly Mode[];
  readonly allowance: Allowance;
  readonly names: Readonly<Record<Way, string>>;
  /** Told of each move of godwit's that counts. */
  moved?(move: { readonly job: string; readonly mode: string; readonly downtimeMs: number }): void;
  /** Waits until nothing of the last move disturbs the next. */
  before?(): Promise<void>;
  /** What a workload saw of the move that is over, by figure, in milliseconds. */
  seen(
    way: Way,
    move: { readonly sinceMs: number; readonly downtimeMs: number },
  ): Promise<Record<string, number>>;
}

/**
 * Moves both containers forth and back, in each mode, the two ways taking turns. Every other round turns both orders about, so that
 * mode, direction and way do not go together; the first round fills caches and counts for nothing. Resolves with the node where they
 * are then, and the other.
 */
export async function takeTurns(bench: Bench, cluster: Cluster, turns: Turns): Promise<[string, string]> {
  let [source, target]: [string, string] = [...NODES];
  const { rounds, modes } = turns;
  for (let round = 0; round <= rounds; round++) {
    if (round > ROUNDS_LEAST && turns.allowance.up()) break;
    const turned = round % 2 === 1;
    for (const mode of turned ? modes.toReversed() : modes) {
      for (const way of mode.alone ? [WAYS[0]] : turned ? WAYS.toReversed() : WAYS) {
        await moveOnce(bench, cluster, turns, { way, round, mode, source, target });
        // Beside it the other one stays where it is.
        if (mode.alone)
          await moveOnce(bench, cluster, turns, { way, round, mode, source: target, target: source });
      }
      if (!mode.alone) [source, target] = [target, source];
    }
  }
  return [source, target];
}

async function moveOnce(
  bench: Bench,
  cluster: Cluster,
  turns: Turns,
  { way, round, mode, source, target }: Omit<Move, 'name'> & { readonly way: Way; readonly round: number },
): Promise<void> {
  const { part, prefix = '', rounds } = turns;
  await turns.before?.();
  const sinceMs = Date.now();
  const startMs = performance.now();
  const moved = await movers[way](cluster, { name: turns.names[way], mode, source, target });
  const whole = performance.now() - startMs;
  const seen = await turns.seen(way, { sinceMs, downtimeMs: moved.downtimeMs });
  const { downtimeMs, bytes, parts } = moved;
  const times = { downtime: downtimeMs, ...seen, whole, ...parts };
  bench.say(`${prefix}${mode.title} ${way} ${round} of ${rounds}: ${words(times)}`);
  if (round === 0) return;
  if (moved.job !== undefined) turns.moved?.({ job: moved.job, mode: mode.title, downtimeMs });
  const of = { part, what: `${prefix}${mode.title}`, way };
  for (const [figure, ms] of Object.entries(times)) bench.sample({ ...of, figure, unit: 'ms' }, ms);
  if (bytes !== undefined) bench.sample({ ...of, figure: 'bytes', unit: 'MiB' }, bytes / MIB);
}

interface Move {
  readonly name: string;
  readonly mode: Mode;
  readonly source: string;
  readonly target: string;
}

interface Moved {
  readonly downtimeMs: number;
  readonly bytes?: number;
  readonly job?: string;
  /** Further times that only this way tells of, in milliseconds. */
  readonly parts: Readonly<Record<string, number>>;
}

const movers: Record<Way, (cluster: Cluster, move: Move) => Promise<Moved>> = {
  async godwit(cluster, { name, mode: { title, flags = ['--mode', title] }, target }) {
    const result = await cluster.json<MigrateResult>('migrate', name, target, ...flags);
    const { downtimeMs, exposureMs, bytes, job } = result;
    if (downtimeMs === null) throw new Error(`godwit cannot tell the downtime of job ${job}`);
    const parts: Record<string, number> = LAZY.has(title) ? { exposure: exposureMs ?? Number.NaN } : {};
    return { downtimeMs, bytes: bytes.memory + bytes.images + bytes.rootfs, parts, job };
  },
  async bare(cluster, move) {
    const { downtimeMs, parts } = await moveByHand(cluster, { ...move, mode: move.mode.title });
    return {
      downtimeMs,
      parts: Object.fromEntries(Object.entries(parts).map(([name, ms]) => [`of it: ${name}`, ms])),
    };
  },
};

function words(times: Readonly<Record<string, number>>): string {
  return Object.entries(times)
    .map(([figure, ms]) => `${figure} ${ms.toFixed(0)} ms`)
    .join(', ');
}
