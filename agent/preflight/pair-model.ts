import type { Mode } from '../../protocol/mod.ts';
import { rebuildMs } from './choose.ts';

/** What moves from one node to another have cost so far; for {@link chooseMode}. */
export interface PairModel {
  readonly linkBytesPerSecond: number;
  /** Freeze, images without memory, restore. */
  readonly fixedMs: number;
  /** Moves learned from. */
  readonly observations: number;
}

/** One finished move. */
export interface MoveObservation {
  readonly mode: Mode;
  readonly downtimeMs: number;
  /** Memory that crossed the link, and how long that took. */
  readonly memoryBytes: number;
  readonly transferMs: number;
}

/** Before the first move: a link of 1 Gbit/s, and what a small container costs. */
export const FIRST_GUESS: PairModel = { linkBytesPerSecond: 117_000_000, fixedMs: 300, observations: 0 };

/** The newest observation's weight, once there are some; the first replaces the guess. */
const WEIGHT = 0.3;
/** Transfers below this measure latency, not bandwidth. */
const TELLING_BYTES = 4 * 1024 * 1024;
const FASTEST_BYTES_PER_SECOND = 100_000_000_000;
const LONGEST_FIXED_MS = 60_000;

/** The model after one more move: exponentially weighted averages. Pure; observations that say nothing change nothing. */
export function learn(previous: PairModel, seen: MoveObservation): PairModel {
  if (![seen.downtimeMs, seen.memoryBytes, seen.transferMs].every((one) => Number.isFinite(one) && one >= 0))
    return previous;
  const weight = Math.max(WEIGHT, 1 / (previous.observations + 1));
  const telling = seen.memoryBytes >= TELLING_BYTES && seen.transferMs > 0;
  const rate = telling ? (seen.memoryBytes / seen.transferMs) * 1000 : previous.linkBytesPerSecond;
  // In post-copy and hybrid memory does not count into the downtime; in cold all of it does.
  const memoryMs = seen.mode === 'cold' ? seen.transferMs + rebuildMs(seen.memoryBytes) : 0;
  const fixedMs = Math.min(LONGEST_FIXED_MS, Math.max(1, seen.downtimeMs - memoryMs));
  return {
    linkBytesPerSecond: blend(
      previous.linkBytesPerSecond,
      Math.min(FASTEST_BYTES_PER_SECOND, Math.max(1, rate)),
      weight,
    ),
    fixedMs: seen.mode === 'precopy' ? previous.fixedMs : blend(previous.fixedMs, fixedMs, weight),
    observations: previous.observations + 1,
  };
}

function blend(before: number, now: number, weight: number): number {
  return before + weight * (now - before);
}
