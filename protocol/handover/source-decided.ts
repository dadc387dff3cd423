import { assert } from '../assert.ts';
import { GodwitError, type WireError } from '../errors.ts';
import type { SourceEffect, SourceEvent, SourcePhase, SourceState, SourceStep } from './source-words.ts';
import { type Ending, isPastFilling, type RecordView, verdictOf } from './words.ts';

/** The record names the target: tell it, and see from the record what becomes of it. */
export function commit(state: SourceState): SourceStep {
  const { ending: _never, ...rest } = state;
  return go({ ...rest, phase: 'committed' }, { kind: 'tell-commit' }, { kind: 'watch' });
}

/** After the commit: the frozen copy stays until the target needs nothing from it, or an operator decides. */
export function decided(state: SourceState, event: SourceEvent): SourceStep {
  switch (event.kind) {
    case 'target-running':
      return release({ ...state, targetRuns: true });
    case 'target-filled':
      return release({ ...state, targetRuns: true, filled: true });
    case 'target-lost':
      return doubt(state, { outcome: 'lost', error: event.error });
    // It has given the container back, says the record; the reason comes by this word only.
    case 'target-failed':
      if (state.phase !== 'committed') return stay(state);
      return go({ ...state, ending: { outcome: 'failed', error: event.error } }, { kind: 'ask' });
    case 'record':
      return watched(state, event.record);
    case 'resolve':
      if (state.phase !== 'in-doubt') return stay(state);
      return go({ ...state, phase: 'resolving', keep: event.keep }, { kind: 'resolve', keep: event.keep });
    default:
      return stay(state);
  }
}

/** The operator's decision is a CAS like any other: who comes second obeys. */
export function resolving(state: SourceState, event: SourceEvent): SourceStep {
  const { keep } = state;
  assert(keep, 'an operator keeps one of the two');
  if (event.kind === 'resolve-cas') {
    if (event.answer !== 'ok') return go(state, { kind: 'ask' });
    return keep === 'source' ? goOn(state) : kill(givenUp(state));
  }
  if (event.kind !== 'record') return stay(state);
  switch (verdictOf(state.move, event.record)) {
    case 'committed':
      if (!isPastFilling(state.move, event.record)) return go(state, { kind: 'resolve', keep });
      // Either this CAS was applied, or the target has finished after all.
      return kill(closedAs(state, event.record));
    case 'reclaimed':
      return goOn(state);
    case 'passed':
      return kill(done(state));
    default:
      return go(state, { kind: 'ask' });
  }
}

function watched(state: SourceState, record: RecordView): SourceStep {
  switch (verdictOf(state.move, record)) {
    case 'passed':
      return kill(done(state));
    case 'reclaimed':
      return goOn(state);
    case 'committed': {
      if (isPastFilling(state.move, record)) return kill(closedAs(state, record));
      const seen = doubtIn(state, record);
      if (!seen) return go(state, { kind: 'watch' });
      const { state: next, effects } = doubt(state, seen);
      return go(next, ...effects, { kind: 'watch' });
    }
    default:
      return go(state, { kind: 'watch' });
  }
}

function doubtIn({ move }: SourceState, { phase }: RecordView): Ending | undefined {
  const { container, target } = move;
  const error = (code: 'OUTCOME_UNKNOWN' | 'CONTAINER_LOST', problem: string): WireError =>
    new GodwitError(code, { container, problem }).toWire();
  if (phase === 'in-doubt')
    return {
      outcome: 'in-doubt',
      error: error(
        'OUTCOME_UNKNOWN',
        `${target} lost its copy after the commit; whether it ran is not known`,
      ),
    };
  if (phase === 'lost')
    return { outcome: 'lost', error: error('CONTAINER_LOST', `${target} could not complete its copy`) };
  return undefined;
}

/** The first word counts; the frozen copy stays for the operator. */
function doubt(state: SourceState, ending: Ending): SourceStep {
  if (state.phase === 'in-doubt') return stay(state);
  return go({ ...state, phase: 'in-doubt', ending }, { kind: 'doubt', ending });
}

/** The source's copy may die once the target runs and, in post-copy, needs no more pages from here. */
function release(state: SourceState): SourceStep {
  if (state.move.pagesFollow && !state.filled) return stay(state);
  return kill(done(state));
}

function done(state: SourceState): SourceState {
  return { ...state, ending: { outcome: 'done' } };
}

/** In doubt a record that left the move without a container that runs was an operator's word: both copies go. */
function closedAs(state: SourceState, { phase }: RecordView): SourceState {
  return state.phase === 'committed' || phase === 'running' ? done(state) : givenUp(state);
}

function givenUp(state: SourceState): SourceState {
  const { container } = state.move;
  const problem = 'an operator gave up what was left of its memory';
  const error = new GodwitError('CONTAINER_LOST', { container, problem }).toWire();
  return { ...state, ending: { outcome: 'lost', error } };
}

function kill(state: SourceState): SourceStep {
  return go({ ...state, phase: 'killing' }, { kind: 'kill' });
}

/**
 * The container is the source's again: an operator kept its copy, or the target's broke before it ran. The target clears away
 * what is left there.
 */
function goOn(state: SourceState): SourceStep {
  const { source, target } = state.move;
  const problem =
    state.phase === 'committed'
      ? `${target} gave it back: its copy broke before it ran`
      : `the operator kept the copy on ${source}`;
  const told = state.phase === 'committed' ? state.ending?.error : undefined;
  const error = told ?? new GodwitError('MOVE_ABORTED', { problem }).toWire();
  const ending: Ending = { outcome: 'failed', error };
  const phase: SourcePhase = 'undoing';
  return go({ ...state, phase, ending }, { kind: 'tell-abort', reason: problem }, { kind: 'undo' });
}

function go(state: SourceState, ...effects: readonly SourceEffect[]): SourceStep {
  return { state, effects };
}

function stay(state: SourceState): SourceStep {
  return { state, effects: [] };
}
