import type { Round } from '../../../protocol/mod.ts';
import { duration, mebibytes, rate } from '../../preflight/words.ts';
import { bandwidthOf, dirtyRateBytesPerSecond, predictedDowntimeMs, restMs, withRound } from './estimate.ts';
import type { ConvergenceGoal, ConvergenceModel, ConvergenceState, Decision } from './words.ts';

/** A round that still carries this part of the one before has not helped. */
const NO_HELP = 0.9;
/** So many in a row are no accident; a container that is throttled has had its chance before. */
const NO_HELP_ROUNDS = { atFirst: 2, throttled: 1 };
/** Where the fixed cost takes the whole wanted downtime, rounds go on until the rest adds no more than this part of it. */
const SMALL_REST = 0.1;
/** What a throttle step leaves of the CPU time: first, and how much less each time, down to the last. */
const FIRST_SHARE = 0.8;
const SHARE_STEP = 0.1;
const LAST_SHARE = 0.1;

/** The rule before its first round. */
export function convergenceStart(goal: ConvergenceGoal, model: ConvergenceModel): ConvergenceState {
  return { goal, model, rounds: [], linkBytesPerSecond: model.linkBytesPerSecond, judgedFrom: 0 };
}

/** What to do after one more round. */
export function convergenceStep(
  before: ConvergenceState,
  round: Round,
): { readonly state: ConvergenceState; readonly decision: Decision } {
  const state = withRound(before, round);
  return { state, decision: decide(state) };
}

/**
 * A new wish while the rounds go on; what is not named stays. A higher limit makes forget what was measured under the
 * lower one.
 */
export function adjust(
  state: ConvergenceState,
  changes: {
    readonly maxDowntimeMs?: number | undefined;
    readonly bandwidthBytesPerSecond?: number | undefined;
  },
): ConvergenceState {
  const { goal, model } = state;
  const old = model.bandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY;
  const limit = changes.bandwidthBytesPerSecond ?? old;
  return {
    ...state,
    goal: { ...goal, maxDowntimeMs: changes.maxDowntimeMs ?? goal.maxDowntimeMs },
    model: { ...model, bandwidthBytesPerSecond: limit },
    linkBytesPerSecond:
      limit > old ? Math.max(state.linkBytesPerSecond, model.linkBytesPerSecond) : state.linkBytesPerSecond,
  };
}

/**
 * The next step of `throttle`: 0.8 of the CPU time, then 0.1 less each time. Undefined after 0.1, and when there is no time for
 * more rounds. Judgement starts afresh: what was written before the step says nothing about the time after it.
 */
export function nextThrottle(
  state: ConvergenceState,
): { readonly state: ConvergenceState; readonly share: number } | undefined {
  const { share: last } = state;
  const share = last === undefined ? FIRST_SHARE : Math.round((last - SHARE_STEP) * 10) / 10;
  if (share < LAST_SHARE || whyTooLate(state) !== undefined) return undefined;
  return { share, state: { ...state, share, judgedFrom: state.rounds.length } };
}

function decide(state: ConvergenceState): Decision {
  const { goal, rounds } = state;
  if (goal.iterations === 'dynamic') return judge(state);
  const kind = rounds.length >= goal.iterations ? 'final' : 'round';
  return { kind, reason: `round ${rounds.length} of ${goal.iterations}, a fixed number` };
}

function judge(state: ConvergenceState): Decision {
  const expected = expectation(state);
  const goalWords = `${duration(state.goal.maxDowntimeMs)} wanted`;
  if (isReached(state)) return { kind: 'final', reason: `${expected}, ${goalWords}` };
  const useless = whyUseless(state);
  if (useless !== undefined)
    return { kind: 'nonconverging', reason: `${useless}; ${expected}, ${goalWords}` };
  return { kind: 'round', reason: `${expected}, ${goalWords}: another round` };
}

/** At the goal, or as near as rounds can bring it. */
function isReached(state: ConvergenceState): boolean {
  const { fixedMs } = state.model;
  return restMs(state) <= Math.max(state.goal.maxDowntimeMs - fixedMs, SMALL_REST * fixedMs);
}

/** Why another round would not help; undefined when it may. */
function whyUseless(state: ConvergenceState): string | undefined {
  const { goal, rounds, judgedFrom } = state;
  const dirtyRate = dirtyRateBytesPerSecond(state);
  const bandwidth = bandwidthOf(state);
  if (dirtyRate !== undefined && dirtyRate >= bandwidth)
    return `${rate(dirtyRate)} get dirty, and the link carries ${rate(bandwidth)}`;
  // The round after a throttle step collects what was written before it: it is compared with, but not compared.
  const enough = state.share === undefined ? NO_HELP_ROUNDS.atFirst : NO_HELP_ROUNDS.throttled;
  const recent = rounds.slice(judgedFrom).slice(-enough - 1);
  const idle = recent.slice(1).filter(({ bytes }, i) => bytes >= NO_HELP * (recent[i]?.bytes ?? 0));
  if (idle.length === enough)
    return `${recent.map(({ bytes }) => mebibytes(bytes)).join(', ')} in the last rounds do not get less`;
  const judged = rounds.length - judgedFrom;
  if (judged >= goal.maxRounds)
    return `${judged} ${judged === 1 ? 'round is' : 'rounds are'} used up${state.share === undefined ? '' : ` at ${state.share} of the CPU time`}`;
  return whyTooLate(state);
}

/**
 * A round takes about as long as the final dump after it: both have to fit, else the move's own limit undoes it. The first
 * round is the whole memory and does not say how long the next one takes.
 */
function whyTooLate(state: ConvergenceState): string | undefined {
  const { rounds } = state;
  const { maxRoundsMs = Number.POSITIVE_INFINITY } = state.goal;
  const spentMs = rounds.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const neededMs = rounds.length < 2 ? state.model.fixedMs : restMs(state) + predictedDowntimeMs(state);
  if (spentMs + neededMs <= maxRoundsMs) return undefined;
  return `the rounds took ${duration(spentMs)}, another one and the end need ${duration(neededMs)}, and ${duration(maxRoundsMs)} are allowed`;
}

function expectation(state: ConvergenceState): string {
  const { fixedMs } = state.model;
  const total = `${duration(predictedDowntimeMs(state))} expected`;
  const rest = restMs(state);
  return fixedMs > 0
    ? `${total} (${duration(rest)} for the rest, ${duration(fixedMs)} fixed)`
    : `${duration(rest)} for the rest expected`;
}
