import type { Round } from '../../../protocol/mod.ts';
import type { ConvergenceState } from './words.ts';

/** Less says nothing about the link. */
const TELLING_BYTES = 4 * 1024 * 1024;
/** So much counts as much as everything before it. */
const HALF_WEIGHT_BYTES = 32 * 1024 * 1024;
/** Two rounds that differ by less than this part of the larger one tell nothing by their difference. */
const TELLING_PART = 0.4;
/** Against clocks that did not move. */
const LEAST_MS = 1;

/** What the final dump may use: the link as measured, never more than the limit. */
export function bandwidthOf({ linkBytesPerSecond, model }: ConvergenceState): number {
  return Math.max(1, Math.min(linkBytesPerSecond, model.bandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY));
}

/** The state with one more round: what it tells about the link goes into an average in which more bytes weigh more. */
export function withRound(state: ConvergenceState, round: Round): ConvergenceState {
  const { bytes, rate } = measure(state, round);
  const old = state.linkBytesPerSecond;
  const average = old + (bytes / (bytes + HALF_WEIGHT_BYTES)) * (rate - old);
  const linkBytesPerSecond = Math.max(bytes < TELLING_BYTES ? old : average, simpleRate(round));
  return { ...state, rounds: [...state.rounds, round], linkBytesPerSecond };
}

/**
 * A round takes the time of the link and that of criu's own start and end, which is the same in all and, in small ones,
 * most of it. So a round that differs enough from the one before is measured by the difference. A link that slowed down
 * meanwhile looks too fast then, hence no faster than it was believed to be.
 */
function measure(state: ConvergenceState, round: Round): { readonly bytes: number; readonly rate: number } {
  const before = state.rounds.at(-1);
  if (!before) return { bytes: round.bytes, rate: simpleRate(round) };
  const more = Math.abs(before.bytes - round.bytes);
  if (more < TELLING_PART * Math.max(before.bytes, round.bytes)) return { bytes: 0, rate: 0 };
  const longerMs = (before.durationMs - round.durationMs) * Math.sign(before.bytes - round.bytes);
  const believed = Math.max(state.linkBytesPerSecond, state.model.linkBytesPerSecond);
  const rate = longerMs >= LEAST_MS ? Math.min(believed, (more / longerMs) * 1000) : 0;
  return { bytes: more, rate: Math.max(rate, simpleRate(round)) };
}

/** Of the link and of criu's own time together: what the link carries at least. */
function simpleRate({ bytes, durationMs }: Round): number {
  return bytes < TELLING_BYTES ? 0 : (bytes / Math.max(LEAST_MS, durationMs)) * 1000;
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
export function restBytes(state: ConvergenceState): number {
  const { rounds, judgedFrom } = state;
  const [last, before] = [rounds.at(-1), rounds.at(-2)];
  if (!last) return 0;
  if (!before || rounds.length < (judgedFrom === 0 ? 3 : judgedFrom + 2)) return last.bytes;
  const byBytes = (last.bytes * last.bytes) / Math.max(1, before.bytes);
  const byTime = (last.bytes * last.durationMs) / Math.max(LEAST_MS, before.durationMs);
  return Math.min(last.bytes, Math.max(byBytes, byTime));
}
