import type { Round } from '../../../protocol/mod.ts';
import type { ConvergenceState } from './words.ts';

/** A round that moved less measures how long criu takes to start, not the link. */
const TELLING_BYTES = 4 * 1024 * 1024;
/** A round of this length counts as much as everything before it. */
const HALF_WEIGHT_MS = 1_000;
/** Against clocks that did not move. */
const LEAST_MS = 1;

/** What the final dump may use: the link as measured, never more than the limit. */
export function bandwidthOf({ linkBytesPerSecond, model }: ConvergenceState): number {
  return Math.max(1, Math.min(linkBytesPerSecond, model.bandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY));
}

/** The link after one more round: an average in which a longer round weighs more, because less of it is criu's start. */
export function learnLink(linkBytesPerSecond: number, { bytes, durationMs }: Round): number {
  if (bytes < TELLING_BYTES || durationMs < LEAST_MS) return linkBytesPerSecond;
  const weight = durationMs / (durationMs + HALF_WEIGHT_MS);
  return linkBytesPerSecond + weight * ((bytes / durationMs) * 1000 - linkBytesPerSecond);
}

/**
 * Expected downtime when frozen now, milliseconds: what the final dump carries, and the fixed cost. Before the first round
 * only the fixed cost is known.
 */
export function predictedDowntimeMs(state: ConvergenceState): number {
  return restMs(state) + state.model.fixedMs;
}

/** The part of the predicted downtime that rounds can shorten. */
export function restMs(state: ConvergenceState): number {
  return (restBytes(state) / bandwidthOf(state)) * 1000;
}

/**
 * Bytes of memory per second that the container changed, from one round's freeze to the next's; a page that is written
 * many times counts once. Undefined before the second round, and for the round after a throttle step, which collects what
 * was written before it.
 */
export function dirtyRateBytesPerSecond(state: ConvergenceState): number | undefined {
  const { rounds, judgedFrom } = state;
  const [last, before] = [rounds.at(-1), rounds.at(-2)];
  if (!before || !last || rounds.length < judgedFrom + 2) return undefined;
  return (last.bytes / Math.max(LEAST_MS, before.durationMs)) * 1000;
}

/**
 * What the final dump would carry: what gets dirty in as long as the last round took. Both ways to say it, by the bytes of
 * the last two rounds and by their times, are lower bounds for a working set that fills up, so the larger counts; the
 * last round itself is the upper bound. The first round is the whole memory and says nothing about what gets dirty, so
 * there must be two more before a ratio means something.
 */
function restBytes(state: ConvergenceState): number {
  const { rounds, judgedFrom } = state;
  const [last, before] = [rounds.at(-1), rounds.at(-2)];
  if (!last) return 0;
  if (!before || rounds.length < (judgedFrom === 0 ? 3 : judgedFrom + 2)) return last.bytes;
  const byBytes = (last.bytes * last.bytes) / Math.max(1, before.bytes);
  const byTime = (last.bytes * last.durationMs) / Math.max(LEAST_MS, before.durationMs);
  return Math.min(last.bytes, Math.max(byBytes, byTime));
}
