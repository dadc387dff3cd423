import type { WireError } from '../errors.ts';
import type { Outcome } from '../job.ts';
import type { CasAnswer, Ending, Move, RecordView, Step } from './words.ts';

/**
 * Where the source stands. `claiming`: the CAS to phase `switching` is out. `freezing`: criu works, the tasks stop at
 * any moment. `frozen`: they stand still, the target builds its copy. `committing`: the one CAS that changes the owner
 * is out. `settling`: its outcome is unknown, a second CAS at the same revision (or the one read since) decides.
 * `asking`: it lost, the record is read. `committed`: the target's alone. `in-doubt`: committed, and the target's copy is
 * gone or can never be completed; an operator decides about the frozen copy. `resolving`: the CAS of that decision is
 * out. `undoing`: the source goes on. `killing`: the frozen copy dies.
 */
export type SourcePhase =
  | 'preparing'
  | 'claiming'
  | 'freezing'
  | 'frozen'
  | 'committing'
  | 'settling'
  | 'asking'
  | 'committed'
  | 'in-doubt'
  | 'resolving'
  | 'undoing'
  | 'killing'
  | 'ended';

/** Whose copy an operator keeps. */
export type Side = 'source' | 'target';

export interface SourceState {
  readonly move: Move;
  readonly phase: SourcePhase;
  /** Set once the target has reported that its tasks run. */
  readonly targetRuns: boolean;
  /** Set once every page is on the target. */
  readonly filled: boolean;
  /** What the operator decided. */
  readonly keep?: Side;
  /** How it will end, once that is decided; what is known so far while it is in doubt. */
  readonly ending?: Ending;
}

export type SourceEvent =
  /** Until the rounds of a pre-copy are over it is open whether pages follow the resume. */
  | { readonly kind: 'way'; readonly pagesFollow: boolean }
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly outcome: Outcome; readonly error: WireError }
  | { readonly kind: 'claim'; readonly answer: CasAnswer }
  | { readonly kind: 'frozen' }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'abort'; readonly outcome: 'aborted' | 'timeout'; readonly error: WireError }
  | { readonly kind: 'target-prepared' }
  | { readonly kind: 'target-failed'; readonly error: WireError }
  | { readonly kind: 'target-running' }
  | { readonly kind: 'target-filled' }
  | { readonly kind: 'target-lost'; readonly error: WireError }
  | { readonly kind: 'commit'; readonly answer: CasAnswer }
  | { readonly kind: 'settle'; readonly answer: CasAnswer }
  | { readonly kind: 'record'; readonly record: RecordView }
  /** The operator's word; counts only in doubt. */
  | { readonly kind: 'resolve'; readonly keep: Side }
  | { readonly kind: 'resolve-cas'; readonly answer: CasAnswer }
  | { readonly kind: 'undone' }
  | { readonly kind: 'killed' };

/** What the agent has to do now. `claim` is a CAS at the move's revision, the others at the one last written or read. */
export type SourceEffect =
  | { readonly kind: 'claim' }
  | { readonly kind: 'dump' }
  | { readonly kind: 'ship' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'ask' }
  | { readonly kind: 'tell-commit' }
  /** Reads the record after a while, and feeds it: what the target reports may never arrive. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'tell-abort'; readonly reason: string }
  /** Tells the operator that a decision is needed; the frozen copy stays. */
  | { readonly kind: 'doubt'; readonly ending: Ending }
  /** CAS: the owner is the source again, one epoch on; or the target's record takes no part in the move any more. */
  | { readonly kind: 'resolve'; readonly keep: Side }
  /** Let the container run on here and put the record back to `running`. */
  | { readonly kind: 'undo' }
  /** The frozen copy dies; it is never thawed alive. */
  | { readonly kind: 'kill' }
  | { readonly kind: 'end'; readonly ending: Ending };

export type SourceStep = Step<SourceState, SourceEffect>;
