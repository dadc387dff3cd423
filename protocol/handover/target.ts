import { assert, unreachable } from '../assert.ts';
import { GodwitError, type WireError } from '../errors.ts';
import type { TargetEffect, TargetEvent, TargetPhase, TargetState, TargetStep } from './target-words.ts';
import { type Ending, isClosed, type Move, onItsWay, verdictOf } from './words.ts';

/** The state once `prepare` was accepted. */
export function targetStart(move: Move): TargetState {
  return { move, phase: 'building', filled: false };
}

/**
 * The target's half of the two-phase commit (DESIGN section 6), pure. Its rules: it never resumes before it has seen
 * the commit (told by the source or read in the record); once prepared it gives up by a won CAS or by the source's
 * word only; after the commit it gives the container back by a won CAS only, and only when none of its tasks has run.
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
    case 'closing':
      return closing(state, event);
    case 'undoing':
      return event.kind === 'undone' ? end(state) : stay(state);
    case 'dropping':
      return dropping(state, event);
    case 'returning':
      return returning(state, event);
    case 'losing':
      return losing(state, event);
    case 'lost':
      return lost(state, event);
    case 'clearing':
      return event.kind === 'cleared' ? end(state) : stay(state);
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
      return go(broken(state, event), 'aborting', { kind: 'abort-cas' });
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
    // Nothing ran here: what came after a commit is an operator's decision for the source.
    case 'reclaimed':
    case 'passed':
    case 'aborted': {
      const error = state.ending?.error ?? overdue(state);
      return undo(state, error, { kind: 'report-failed', error });
    }
  }
}

function resume(state: TargetState, epoch: number): TargetStep {
  assert(epoch === state.move.epoch + 1, 'a commit of another epoch');
  // Its copy broke when the commit was possible: nothing is left to resume here.
  if (state.ending?.error)
    return state.neverRan ? go(state, 'dropping', { kind: 'undo' }) : lose(state, state.ending.error);
  return go(state, 'resuming', { kind: 'resume' });
}

function resuming(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'filled') return stay({ ...state, filled: true });
  if (event.kind === 'failed' && event.neverRan)
    return go(broken(state, event), 'dropping', { kind: 'undo' });
  if (event.kind === 'failed') return lose(state, event.error);
  if (event.kind !== 'resumed') return stay(state);
  if (!state.move.pagesFollow) return go(state, 'closing', { kind: 'close' });
  const running: TargetEffect = { kind: 'report-running' };
  return state.filled
    ? { state: { ...state, phase: 'closing' }, effects: [running, { kind: 'close' }] }
    : go(state, 'filling', running);
}

/** Nothing of the copy may be left when the source's goes on. */
function dropping(state: TargetState, event: TargetEvent): TargetStep {
  // The container is the source's again: an operator was quicker.
  if (event.kind === 'abort') return stay({ ...state, phase: 'undoing' });
  return event.kind === 'undone' ? go(state, 'returning', { kind: 'return' }) : stay(state);
}

/** Once the CAS was sent only the record says whose the container is. */
function returning(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'abort') return end(state);
  if (event.kind === 'return')
    return event.answer === 'ok' ? returned(state) : go(state, 'returning', { kind: 'ask' });
  if (event.kind !== 'record') return stay(state);
  switch (verdictOf(state.move, event.record)) {
    case 'committed':
      return isClosed(state.move, event.record)
        ? go({ ...state, ending: { ...state.ending, outcome: 'lost' } }, 'clearing', { kind: 'clear' })
        : go(state, 'returning', { kind: 'return' });
    case 'stale':
    case 'undecided':
      return go(state, 'returning', { kind: 'ask' });
    default:
      return returned(state);
  }
}

function returned(state: TargetState): TargetStep {
  const { ending } = state;
  assert(ending?.error, 'a copy that is given up has a reason');
  return finish(state, [{ kind: 'report-failed', error: ending.error }]);
}

function filling(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'failed') return lose(state, event.error);
  if (event.kind !== 'filled') return stay(state);
  return go({ ...state, filled: true }, 'closing', { kind: 'close' });
}

/** Only what the record says already is reported: on this word the source's copy dies. */
function closing(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'failed') return lose(state, event.error);
  if (event.kind !== 'closed') return stay(state);
  return finish(state, [{ kind: state.move.pagesFollow ? 'report-filled' : 'report-running' }]);
}

function lose(state: TargetState, error: WireError): TargetStep {
  return {
    state: { ...state, phase: 'losing', ending: { outcome: 'lost', error } },
    effects: [{ kind: 'freeze-lost' }],
  };
}

function losing(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind !== 'frozen-lost') return stay(state);
  const { ending } = state;
  assert(ending?.error, 'a loss has a reason');
  const report: TargetEffect = { kind: 'report-lost', error: ending.error };
  return {
    state: { ...state, phase: 'lost' },
    effects: [report, { kind: 'doubt', ending }, { kind: 'watch' }],
  };
}

/** The source may have every page still: the operator keeps one of the two. */
function lost(state: TargetState, event: TargetEvent): TargetStep {
  if (event.kind === 'abort') return undo(state, event.error);
  if (event.kind !== 'record') return stay(state);
  switch (verdictOf(state.move, event.record)) {
    case 'reclaimed':
    case 'passed':
      return undo(state, state.ending?.error ?? overdue(state));
    default:
      return isClosed(state.move, event.record)
        ? go(state, 'clearing', { kind: 'clear' })
        : { state, effects: [{ kind: 'watch' }] };
  }
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

function broken(
  state: TargetState,
  { error, neverRan = false }: TargetEvent & { kind: 'failed' },
): TargetState {
  return { ...state, neverRan, ending: failure(error) };
}

function failure(error: WireError): Ending {
  return { outcome: 'failed', error };
}

function overdue(state: TargetState): WireError {
  const { container, source } = state.move;
  return new GodwitError('MOVE_ABORTED', { problem: `${source} gave no verdict on '${container}'` }).toWire();
}
