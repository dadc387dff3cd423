import type { WireError } from '../errors.ts';
import type { Outcome } from '../job.ts';
import type { Phase } from '../record.ts';

/** Answer of the record store to one compare-and-swap; `unknown`: it may or may not have been applied. */
export type CasAnswer = 'ok' | 'conflict' | 'unknown';

/** What a look at the record shows, as far as this move is concerned. */
export interface RecordView {
  readonly revision: number;
  readonly owner: string;
  readonly epoch: number;
  readonly phase: Phase;
  /** The job the record is part of, if any. */
  readonly job?: string;
}

/** One move as both sides know it; `epoch` and `revision` are the record's before the source claimed it. */
export interface Move {
  readonly job: string;
  readonly container: string;
  readonly source: string;
  readonly target: string;
  readonly epoch: number;
  readonly revision: number;
  /** Memory follows after the resume: the source must live, frozen, until the target has every page. */
  readonly pagesFollow: boolean;
}

/** The state of a side whose rounds are over: now it is known whether pages follow. */
export function onItsWay<State extends { readonly move: Move }>(state: State, pagesFollow: boolean): State {
  return { ...state, move: { ...state.move, pagesFollow } };
}

/** The result of one step of a handover core. */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** How a side's part of the move ended. */
export interface Ending {
  readonly outcome: Outcome;
  readonly error?: WireError;
}

/**
 * What a look at the record says of the move. `stale`: the look is older than the claim (reads may be) and says
 * nothing. `undecided`: claimed, neither committed nor aborted when it was read. `reclaimed`: committed, and given back
 * to the source by an operator. `passed`: committed, and the container went on from the target.
 */
export type Verdict = 'stale' | 'undecided' | 'aborted' | 'committed' | 'reclaimed' | 'passed';

export function verdictOf(move: Move, record: RecordView): Verdict {
  const changes = record.epoch - move.epoch;
  if (record.revision <= move.revision) return 'stale';
  if (changes === 0) return record.job === move.job ? 'undecided' : 'aborted';
  if (changes === 1) return 'committed';
  // The source takes no container that it still holds a copy of: it cannot have come back by another move.
  return changes === 2 && record.owner === move.source ? 'reclaimed' : 'passed';
}

/** Committed, and the record is part of the move no more: nobody has anything left to decide. */
export function isClosed(move: Move, record: RecordView): boolean {
  return verdictOf(move, record) === 'committed' && record.job !== move.job;
}

/** The target has the container, and needs nothing from the source any more. One that it has lost it may need yet. */
export function isPastFilling(move: Move, record: RecordView): boolean {
  return isClosed(move, record) && record.phase !== 'lost';
}
