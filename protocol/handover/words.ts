import type { WireError } from '../errors.ts';
import type { Outcome } from '../job.ts';

/** Answer of the record store to one compare-and-swap; `unknown`: it may or may not have been applied. */
export type CasAnswer = 'ok' | 'conflict' | 'unknown';

/** What a look at the record shows, as far as this move is concerned. */
export interface RecordView {
  readonly owner: string;
  readonly epoch: number;
  /** The job the record is part of, if any. */
  readonly job?: string;
}

/** One move as both sides know it; `epoch` is the owner's epoch before the move. */
export interface Move {
  readonly job: string;
  readonly container: string;
  readonly source: string;
  readonly target: string;
  readonly epoch: number;
  /** Memory follows after the resume: the source must live, frozen, until the target has every page. */
  readonly pagesFollow: boolean;
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

/** True when the record says that the move was committed. */
export function saysCommitted(move: Move, record: RecordView): boolean {
  return record.owner === move.target && record.epoch === move.epoch + 1;
}

/** True when the record still holds this move, undecided. */
export function saysUndecided(move: Move, record: RecordView): boolean {
  return record.owner === move.source && record.epoch === move.epoch && record.job === move.job;
}
