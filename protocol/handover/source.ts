import { assert, unreachable } from '../assert.ts';
import { GodwitError, type WireError } from '../errors.ts';
import type { Outcome } from '../job.ts';
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
 * Where the source stands. `claiming`: the CAS to phase `switching` is out. `freezing`: criu works, the tasks stop at
 * any moment. `frozen`: they stand still, the target builds its copy. `committing`: the one CAS that changes the owner
 * is out. `settling`: its outcome is unknown, a second CAS at the same revision (or the one
 * read since) decides. `asking`: it lost, the
 * record is read. `committed`: the target's alone. `undoing`: the source goes on. `killing`: the frozen copy dies.
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
  | 'undoing'
  | 'killing'
  | 'ended';

export interface SourceState {
  readonly move: Move;
  readonly phase: SourcePhase;
  /** Set once the target has reported that its tasks run. */
  readonly targetRuns: boolean;
  /** Set once every page is on the target. */
  readonly filled: boolean;
  /** How it will end, once that is decided. */
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
  | { readonly kind: 'undone' }
  | { readonly kind: 'killed' };

/** What the agent has to do now. `claim`, `commit`, `settle` are CAS at the revision the agent last wrote or read. */
export type SourceEffect =
  | { readonly kind: 'claim' }
  | { readonly kind: 'dump' }
  | { readonly kind: 'ship' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'ask' }
  | { readonly kind: 'tell-commit' }
  | { readonly kind: 'tell-abort'; readonly reason: string }
  /** Let the container run on here and put the record back to `running`. */
  | { readonly kind: 'undo' }
  /** The frozen copy dies; it is never thawed alive. */
  | { readonly kind: 'kill' }
  | { readonly kind: 'end'; readonly ending: Ending };

export type SourceStep = Step<SourceState, SourceEffect>;

/** The state before anything was sent. */
export function sourceStart(move: Move): SourceState {
  return { move, phase: 'preparing', targetRuns: false, filled: false };
}

/**
 * The source's half of the two-phase commit (DESIGN section 6), pure. Its rules: nothing is committed before the
 * target is prepared; once the commit CAS was sent, only the record decides; after the commit the source never runs
 * again. An event that no longer matters in a phase changes nothing.
 */
export function sourceStep(state: SourceState, event: SourceEvent): SourceStep {
  switch (state.phase) {
    case 'preparing':
      return preparing(state, event);
    case 'claiming':
      return claiming(state, event);
    case 'freezing':
    case 'frozen':
      return standing(state, event);
    case 'committing':
      return committing(state, event);
    case 'settling':
      return settling(state, event);
    case 'asking':
      return asking(state, event);
    case 'committed':
      return committed(state, event);
    case 'undoing':
      return event.kind === 'undone' ? end(state) : stay(state);
    case 'killing':
      return event.kind === 'killed' ? end(state) : stay(state);
    case 'ended':
      return stay(state);
    default:
      return unreachable(state.phase);
  }
}

function preparing(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind === 'way') return stay(onItsWay(state, event.pagesFollow));
  if (event.kind === 'ready') return go(state, 'claiming', { kind: 'claim' });
  if (event.kind === 'refused') return end({ ...state, ending: endingOf(event.outcome, event.error) });
  return abortable(state, event);
}

function claiming(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind !== 'claim') return abortable(state, event);
  if (event.answer === 'ok') return go(state, 'freezing', { kind: 'dump' });
  // Unknown is as good as lost here: nothing is frozen yet, and undo puts the record right.
  return undo(state, endingOf('failed', recordError(state, event.answer)));
}

function standing(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind === 'frozen' && state.phase === 'freezing') return go(state, 'frozen', { kind: 'ship' });
  if (event.kind === 'target-prepared' && state.phase === 'frozen')
    return go(state, 'committing', { kind: 'commit' });
  return abortable(state, event);
}

function committing(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind !== 'commit') return stay(state);
  if (event.answer === 'ok') return commit(state);
  if (event.answer === 'unknown') return go(state, 'settling', { kind: 'settle' });
  return go(state, 'asking', { kind: 'ask' });
}

function settling(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind !== 'settle') return stay(state);
  // Settled at the revision the commit needed, or a later one: the commit was not applied and never can be.
  if (event.answer === 'ok')
    return undo(state, state.ending ?? endingOf('failed', recordError(state, 'unknown')));
  if (event.answer === 'unknown') return { state, effects: [{ kind: 'settle' }] };
  return go(state, 'asking', { kind: 'ask' });
}

function asking(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind !== 'record') return stay(state);
  const verdict = verdictOf(state.move, event.record);
  if (verdict === 'committed') return commit(state);
  const conflict = endingOf('failed', recordError(state, 'conflict'));
  if (verdict === 'aborted') return undo(state, conflict);
  // Somebody changed the record and decided nothing (or the look is old): a CAS at what was seen decides.
  if (verdict === 'undecided') return go({ ...state, ending: conflict }, 'settling', { kind: 'settle' });
  return { state, effects: [{ kind: 'ask' }] };
}

function committed(state: SourceState, event: SourceEvent): SourceStep {
  if (event.kind === 'target-lost') return end({ ...state, ending: endingOf('lost', event.error) });
  if (event.kind === 'target-running') return release({ ...state, targetRuns: true });
  if (event.kind === 'target-filled') return release({ ...state, targetRuns: true, filled: true });
  return stay(state);
}

/** The source's copy may die once the target runs and, in post-copy, needs no more pages from here. */
function release(state: SourceState): SourceStep {
  if (state.move.pagesFollow && !state.filled) return stay(state);
  return go({ ...state, ending: { outcome: 'done' } }, 'killing', { kind: 'kill' });
}

/** Before the commit CAS is sent, any failure and any abort end in the source going on. */
function abortable(state: SourceState, event: SourceEvent): SourceStep {
  switch (event.kind) {
    case 'abort':
      return undo(state, endingOf(event.outcome, event.error));
    case 'failed':
    case 'target-failed':
      return undo(state, endingOf('failed', event.error));
    default:
      return stay(state);
  }
}

function commit(state: SourceState): SourceStep {
  return go(state, 'committed', { kind: 'tell-commit' });
}

function undo(state: SourceState, ending: Ending): SourceStep {
  assert(state.phase !== 'committed' && state.phase !== 'killing', 'the source never runs after the commit');
  return {
    state: { ...state, phase: 'undoing', ending },
    effects: [{ kind: 'tell-abort', reason: ending.error?.message ?? ending.outcome }, { kind: 'undo' }],
  };
}

function end(state: SourceState): SourceStep {
  assert(state.ending, 'a move ends with an outcome');
  return { state: { ...state, phase: 'ended' }, effects: [{ kind: 'end', ending: state.ending }] };
}

function go(state: SourceState, phase: SourcePhase, effect: SourceEffect): SourceStep {
  return { state: { ...state, phase }, effects: [effect] };
}

function stay(state: SourceState): SourceStep {
  return { state, effects: [] };
}

function endingOf(outcome: Outcome, error: WireError): Ending {
  return { outcome, error };
}

function recordError(state: SourceState, answer: CasAnswer): WireError {
  const { container } = state.move;
  if (answer === 'conflict') return new GodwitError('RECORD_CONFLICT', { container }).toWire();
  return new GodwitError('STORE_UNAVAILABLE', {
    problem: `no answer to a change of '${container}'`,
  }).toWire();
}
