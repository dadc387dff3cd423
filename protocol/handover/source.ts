import { assert, unreachable } from '../assert.ts';
import { GodwitError, type WireError } from '../errors.ts';
import type { Outcome } from '../job.ts';
import { commit, decided, resolving } from './source-decided.ts';
import type { SourceEffect, SourceEvent, SourcePhase, SourceState, SourceStep } from './source-words.ts';
import { type CasAnswer, type Ending, type Move, onItsWay, verdictOf } from './words.ts';

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
    case 'in-doubt':
      return decided(state, event);
    case 'resolving':
      return resolving(state, event);
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
  const conflict = endingOf('failed', recordError(state, 'conflict'));
  switch (verdictOf(state.move, event.record)) {
    case 'aborted':
      return undo(state, conflict);
    // Somebody changed the record and decided nothing (or the look is old): a CAS at what was seen decides.
    case 'undecided':
      return go({ ...state, ending: conflict }, 'settling', { kind: 'settle' });
    case 'stale':
      return { state, effects: [{ kind: 'ask' }] };
    // What the target has done since is seen as after any commit.
    default:
      return commit(state);
  }
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

function undo(state: SourceState, ending: Ending): SourceStep {
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
