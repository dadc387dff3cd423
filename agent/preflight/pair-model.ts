import type { Mode, Round } from '../../protocol/mod.ts';
import { rebuildMs, refillMs } from './refill.ts';

/** What moves from one node to another have cost so far; for {@link chooseMode} and the convergence rule. */
export interface PairModel {
  readonly linkBytesPerSecond: number;
  /** Freeze, images without memory, restore. */
  readonly fixedMs: number;
  /** Part of the memory that was left for the final dump after the rounds, 0 to 1. */
  readonly lastShare: number;
  /** Moves learned from. */
  readonly observations: number;
}

/** One finished move. */
export interface MoveObservation {
  readonly mode: Mode;
  readonly downtimeMs: number;
  /** Memory that crossed the link, rounds included. */
  readonly memoryBytes: number;
  /** How long the memory took that crossed in the dump (cold) or after it (post-copy). */
  readonly transferMs: number;
  /** The pre-dumps before it; the first is the whole memory. */
  readonly rounds: readonly Pick<Round, 'bytes' | 'durationMs'>[];
  /** It was not allowed all of the link, which then carries at least what it did. */
  readonly isLimited?: boolean;
}

/** Before the first move: a link of 1 Gbit/s, and what a small container costs that changes a twentieth of its memory. */
export const FIRST_GUESS: PairModel = {
  linkBytesPerSecond: 117_000_000,
  fixedMs: 300,
  lastShare: 1 / 20,
  observations: 0,
};

/** The newest observation's weight, once there are some; the first replaces the guess. */
const WEIGHT = 0.3;
/** Transfers below this measure latency, not bandwidth. */
const TELLING_BYTES = 4 * 1024 * 1024;
/** A round may last this much longer than its bytes need. */
const MOST_OWN = 1.5;
const FASTEST_BYTES_PER_SECOND = 100_000_000_000;
const LONGEST_FIXED_MS = 60_000;

/** The model after one more move: exponentially weighted averages. Pure; observations that say nothing change nothing. */
export function learn(previous: PairModel, seen: MoveObservation): PairModel {
  const { downtimeMs, memoryBytes, transferMs, rounds } = seen;
  const [whole] = rounds;
  const numbers = [
    downtimeMs,
    memoryBytes,
    transferMs,
    ...rounds.flatMap((one) => [one.bytes, one.durationMs]),
  ];
  if (!numbers.every((one) => Number.isFinite(one) && one >= 0)) return previous;
  const weight = Math.max(WEIGHT, 1 / (previous.observations + 1));
  const before = previous.linkBytesPerSecond;
  const rate = rateOf(seen) ?? before;
  const linkBytesPerSecond = blend(before, seen.isLimited ? Math.max(before, rate) : rate, weight);
  const lastBytes = whole ? Math.max(0, memoryBytes - sum(rounds)) : memoryBytes;
  const share = whole && whole.bytes > 0 ? Math.min(1, lastBytes / whole.bytes) : previous.lastShare;
  const fixedMs = downtimeMs - memoryMs(seen, lastBytes, linkBytesPerSecond);
  return {
    linkBytesPerSecond,
    fixedMs: blend(previous.fixedMs, Math.min(LONGEST_FIXED_MS, Math.max(1, fixedMs)), weight),
    // Containers differ in this more than links do: one move says little of the next.
    lastShare: blend(previous.lastShare, share, WEIGHT),
    observations: previous.observations + 1,
  };
}

/** What memory added to the downtime: in cold all of it, in pre-copy the last part, otherwise nothing. */
function memoryMs(seen: MoveObservation, lastBytes: number, linkBytesPerSecond: number): number {
  const [whole] = seen.rounds;
  if (seen.mode === 'cold') return seen.transferMs + rebuildMs(seen.memoryBytes);
  if (seen.mode !== 'precopy') return 0;
  return (lastBytes / linkBytesPerSecond) * 1000 + refillMs(whole?.bytes ?? seen.memoryBytes);
}

/**
 * What the link carried, by the largest transfer of the move; undefined when that was too small to tell. Two rounds tell
 * it by their difference, without criu's own time, which is in both.
 */
function rateOf({ rounds, memoryBytes, transferMs }: MoveObservation): number | undefined {
  const [first = { bytes: memoryBytes, durationMs: transferMs }, second] = rounds;
  if (first.bytes < TELLING_BYTES || first.durationMs <= 0) return undefined;
  const simple = (first.bytes / first.durationMs) * 1000;
  const differs = second !== undefined && second.bytes <= first.bytes / 2;
  const longerMs = differs ? first.durationMs - second.durationMs : 0;
  const exact = differs && longerMs > 0 ? ((first.bytes - second.bytes) / longerMs) * 1000 : simple;
  // More than that is no longer criu's own time, but a link that has become slower in between.
  return Math.min(FASTEST_BYTES_PER_SECOND, Math.max(1, simple, Math.min(exact, simple * MOST_OWN)));
}

function sum(rounds: MoveObservation['rounds']): number {
  return rounds.reduce((bytes, round) => bytes + round.bytes, 0);
}

function blend(before: number, now: number, weight: number): number {
  return before + weight * (now - before);
}
