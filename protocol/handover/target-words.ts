import type { WireError } from '../errors.ts';
import type { CasAnswer, Ending, Move, RecordView, Step } from './words.ts';

/**
 * Where the target stands. `building`: images arrive, the restore works. `prepared`: the tasks are built and held in
 * the post-restore hook. `aborting`: no verdict came, its own abort CAS is out. `asking`: the record is read.
 * `resuming`: committed, the hook is let go. `filling`: the tasks run, pages still arrive. `closing`: the copy is complete,
 * the record's part in the move ends. `undoing`: its copy dies. `dropping`: committed, but the copy broke in the hook, before
 * any task of it ran, and dies; `returning`: the CAS that gives the container back to the source is out. `losing`: after the
 * commit the copy cannot be completed; it is frozen and the record says `lost`. `lost`: it stays frozen until an operator has decided. `clearing`: the operator
 * has given it up, and it dies.
 */
export type TargetPhase =
  | 'building'
  | 'prepared'
  | 'aborting'
  | 'asking'
  | 'resuming'
  | 'filling'
  | 'closing'
  | 'undoing'
  | 'dropping'
  | 'returning'
  | 'losing'
  | 'lost'
  | 'clearing'
  | 'ended';

export interface TargetState {
  readonly move: Move;
  readonly phase: TargetPhase;
  /** Pages may all be here before the resume is reported. */
  readonly filled: boolean;
  /** Its copy broke before any task of it ran: once committed, the container can go back to the source. */
  readonly neverRan?: boolean;
  readonly ending?: Ending;
}

export type TargetEvent =
  /** Until the rounds of a pre-copy are over it is open whether pages follow the resume. */
  | { readonly kind: 'way'; readonly pagesFollow: boolean }
  | { readonly kind: 'built' }
  /** `neverRan`: the copy itself broke, and it is certain that no task of it ever ran or will. */
  | { readonly kind: 'failed'; readonly error: WireError; readonly neverRan?: boolean }
  | { readonly kind: 'commit'; readonly epoch: number }
  | { readonly kind: 'abort'; readonly error: WireError }
  | { readonly kind: 'verdict-overdue' }
  | { readonly kind: 'abort-cas'; readonly answer: CasAnswer }
  | { readonly kind: 'record'; readonly record: RecordView }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'filled' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'undone' }
  | { readonly kind: 'return'; readonly answer: CasAnswer }
  | { readonly kind: 'frozen-lost' }
  | { readonly kind: 'cleared' };

export type TargetEffect =
  | { readonly kind: 'report-prepared' }
  | { readonly kind: 'report-failed'; readonly error: WireError }
  | { readonly kind: 'report-running' }
  | { readonly kind: 'report-filled' }
  | { readonly kind: 'report-lost'; readonly error: WireError }
  /** CAS at the revision this move was claimed at: owner stays the source, the move is over. */
  | { readonly kind: 'abort-cas' }
  | { readonly kind: 'ask' }
  /** Reads the record after a while, and feeds it. */
  | { readonly kind: 'watch' }
  /** Let the post-restore hook go: the tasks run. A copy that runs already is taken over again. */
  | { readonly kind: 'resume' }
  /**
   * CAS until the store has it: the container is this node's and part of no move. The source's copy dies for it, so
   * nothing of the source is needed any more.
   */
  | { readonly kind: 'close' }
  /** Kill the copy (its hook is answered `stop`) and leave nothing behind. */
  | { readonly kind: 'undo' }
  /** CAS: the owner is the source again, one epoch on. Only when nothing of the copy here is left. */
  | { readonly kind: 'return' }
  /** Freeze the copy for good: it must never run on missing pages. */
  | { readonly kind: 'freeze-lost' }
  /** The lost copy dies; the container stays this node's, stopped. */
  | { readonly kind: 'clear' }
  /** Tells the operator that a decision is needed. */
  | { readonly kind: 'doubt'; readonly ending: Ending }
  | { readonly kind: 'end'; readonly ending: Ending };

export type TargetStep = Step<TargetState, TargetEffect>;
