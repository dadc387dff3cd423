import { assert, unreachable } from '../assert.ts';
import { GodwitError, type WireError } from '../errors.ts';
import {
  type CasAnswer,
  type Ending,
  type Move,
  onItsWay,
  type RecordView,
  type Step,
  verdictOf,
} from './words.ts';

/**
 * Where the target stands. `building`: images arrive, the restore works. `prepared`: the tasks are built and held in
 * the post-restore hook. `aborting`: no verdict came, its own abort CAS is out. `asking`: the record is read.
 * `resuming`: committed, the hook is let go. `filling`: the tasks run, pages still arrive. `undoing`: its copy dies.
 * `losing`: after the commit the copy cannot be completed; it is frozen and the record says `lost`.
 */
export type TargetPhase =
  | 'building'
  | 'prepared'
  | 'aborting'
  | 'asking'
  | 'resuming'
  | 'filling'
  | 'undoing'
  | 'losing'
  | 'ended';

export interface TargetState {
  readonly move: Move;
  readonly phase: TargetPhase;
  /** Pages may all be here before the resume is reported. */
  readonly filled: boolean;
  readonly ending?: Ending;
}

export type TargetEvent =
  /** Until the rounds of a pre-copy are over it is open whether pages follow the resume. */
  | { readonly kind: 'way'; readonly pagesFollow: boolean }
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'commit'; readonly epoch: number }
  | { readonly kind: 'abort'; readonly error: WireError }
  | { readonly kind: 'verdict-overdue' }
  | { readonly kind: 'abort-cas'; readonly answer: CasAnswer }
  | { readonly kind: 'record'; readonly record: RecordView }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'filled' }
  | { readonly kind: 'undone' }
  | { readonly kind: 'frozen-lost' };

export type TargetEffect =
  | { readonly kind: 'report-prepared' }
  | { readonly kind: 'report-failed'; readonly error: WireError }
  | { readonly kind: 'report-running' }
  | { readonly kind: 'report-filled' }
  | { readonly kind: 'report-lost'; readonly error: WireError }
  /** CAS at the revision this move was claimed at: owner stays the source, the move is over. */
  | { readonly kind: 'abort-cas' }
  | { readonly kind: 'ask' }
  /** Let the post-restore hook go: the tasks run. */
  | { readonly kind: 'resume' }
  /** Kill the copy (its hook is answered `stop`) and leave nothing behind. */
  | { readonly kind: 'undo' }
  /** Freeze the copy for good: it must never run on missing pages. */
  | { readonly kind: 'freeze-lost' }
  | { readonly kind: 'end'; readonly ending: Ending };

export type TargetStep = Step<TargetState, TargetEffect>;

/** The state once `prepare` was accepted. */
export function targetStart(move: Move): TargetState {
  return { move, phase: 'building', filled: false };
}

/**
 * The target's half of the two-phase commit (DESIGN section 6), pure. Its rules: it never resumes before it has seen
 * the commit (told by the source or read in the record); once prepared it gives up by a won CAS or by the source's
 * word only; after the commit it never gives up.
 */
export function targetStep(state: TargetState, event: TargetEvent): TargetStep {
  switch (state.phase) {
    case 'building':
      return building(state, event);
    case 'prepared':
      return prepared(state, event);
    case 'aborting':
      return aborting(state, event);
    case 'asking':
      return asking(state, event);
    case 'resuming':
      return resuming(state, event);
    case 'filling':
      return filling(state, event);
    case 'undoing':
      return event.kind === 'undone' ? end(state) : stay(state);
    case 'losing':
      return losing(state, event);
    case 'ended':
      return stay(state);
    default:
      return unreachable(state.phase);
  }
}

function building(state: TargetState, event: TargetEvent): TargetStep {
  switch (event.kind) {
    case 'way':
      return stay(onItsWay(state, event.pagesFollow));
    case 'built':
      return go(state, 'prepared', { kind: 'report-prepared' });
    case 'failed':
      return undo(state, event.error, { kind: 'report-failed', error: event.error });
    case 'abort':
      return undo(state, event.error);
    // The source never speaks of a commit before this side is prepared.
    case 'commit':
      assert(false, 'a commit before the target was prepared');
      return stay(state);
    default:
      return stay(state);
  }
}

function prepared(state: TargetState, event: TargetEvent): TargetStep {
  switch (event.kind) {
    case 'commit':
      return resume(state, event.epoch);
    case 'abort':
      return undo(state, event.error);
    case 'verdict-overdue':
      return go(state, 'aborting', { kind: 'abort-cas' });
    case 'failed':
      // The copy died in the hook. The source may have committed already: only the record can tell.
      return go({ ...state, ending: failure(event.error) }, 'aborting', { kind: 'abort-cas' });
    default:
      return stay(state);
  }
}

function aborting(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'commit') return resume(state, event.epoch);
  if (event.kind === 'abort') return undo(state, state.ending?.error ?? event.error);
  if (event.kind !== 'abort-cas') return stay(state);
  if (event.answer !== 'ok') return go(state, 'asking', { kind: 'ask' });
  const error = state.ending?.error ?? overdue(state);
  return undo(state, error, { kind: 'report-failed', error });
}

function asking(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'commit') return resume(state, event.epoch);
  if (event.kind === 'abort') return undo(state, state.ending?.error ?? event.error);
  if (event.kind !== 'record') return stay(state);
  switch (verdictOf(state.move, event.record)) {
    case 'committed':
      return resume(state, event.record.epoch);
    case 'undecided':
      return go(state, 'aborting', { kind: 'abort-cas' });
    case 'stale':
      return { state, effects: [{ kind: 'ask' }] };
    case 'aborted': {
      const error = state.ending?.error ?? overdue(state);
      return undo(state, error, { kind: 'report-failed', error });
    }
  }
}

function resume(state: TargetState, epoch: number): TargetStep {
  assert(epoch === state.move.epoch + 1, 'a commit of another epoch');
  // Its copy died after the commit was possible: nothing is left to resume here.
  if (state.ending?.error) return lose({ ...state }, state.ending.error);
  return go(state, 'resuming', { kind: 'resume' });
}

function resuming(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'filled') return stay({ ...state, filled: true });
  if (event.kind === 'failed') return lose(state, event.error);
  if (event.kind !== 'resumed') return stay(state);
  if (!state.move.pagesFollow) return finish(state, [{ kind: 'report-running' }]);
  if (state.filled) return finish(state, [{ kind: 'report-running' }, { kind: 'report-filled' }]);
  return go(state, 'filling', { kind: 'report-running' });
}

function filling(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'failed') return lose(state, event.error);
  if (event.kind !== 'filled') return stay(state);
  return finish({ ...state, filled: true }, [{ kind: 'report-filled' }]);
}

function lose(state: TargetState, error: WireError): TargetStep {
  return {
    state: { ...state, phase: 'losing', ending: { outcome: 'lost', error } },
    effects: [{ kind: 'freeze-lost' }],
  };
}

function losing(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind !== 'frozen-lost') return stay(state);
  const error = state.ending?.error;
  assert(error, 'a loss has a reason');
  return finish(state, [{ kind: 'report-lost', error }]);
}

function undo(state: TargetState, error: WireError, ...first: readonly TargetEffect[]): TargetStep {
  return {
    state: { ...state, phase: 'undoing', ending: failure(error) },
    effects: [...first, { kind: 'undo' }],
  };
}

function finish(state: TargetState, effects: readonly TargetEffect[]): TargetStep {
  const ending = state.ending ?? { outcome: 'done' };
  return { state: { ...state, phase: 'ended', ending }, effects: [...effects, { kind: 'end', ending }] };
}

function end(state: TargetState): TargetStep {
  return finish(state, []);
}

function go(state: TargetState, phase: TargetPhase, effect: TargetEffect): TargetStep {
  return { state: { ...state, phase }, effects: [effect] };
}

function stay(state: TargetState): TargetStep {
  return { state, effects: [] };
}

function failure(error: WireError): Ending {
  return { outcome: 'failed', error };
}

function overdue(state: TargetState): WireError {
  const { container, source } = state.move;
  return new GodwitError('MOVE_ABORTED', { problem: `${source} gave no verdict on '${container}'` }).toWire();
}
