import { GodwitError, type WireError } from '../errors.ts';
import { sourceStep } from './source.ts';
import { commit } from './source-decided.ts';
import type { SourceEffect, SourcePhase, SourceState, SourceStep } from './source-words.ts';
import { targetStep } from './target.ts';
import type { TargetEffect, TargetPhase, TargetState, TargetStep } from './target-words.ts';

/**
 * How an agent that restarted goes on as the source, from the state that was written down before the effects of its
 * step began. Every effect may have been done, half done or not at all: each is one that can be done again.
 *
 * Before the commit CAS it is undone at once: nobody else can commit. A claim that is still on its way is fenced by the
 * CAS of the undo. From the commit CAS on only the record decides: the frozen copy stays as it is until it was read.
 */
export function recoverSource(state: SourceState): SourceStep {
  switch (state.phase) {
    case 'preparing':
    case 'claiming':
    case 'freezing':
    case 'frozen':
      return sourceStep(state, { kind: 'failed', error: restarted(state.move.source) });
    case 'committing':
    case 'settling':
      return source(state, 'settling', { kind: 'settle' });
    case 'asking':
    case 'resolving':
      return source(state, state.phase, { kind: 'ask' });
    case 'committed':
      return commit(state);
    case 'in-doubt':
      return source(state, 'in-doubt', { kind: 'doubt', ending: endingOf(state) }, { kind: 'watch' });
    case 'undoing': {
      const reason = endingOf(state).error?.message ?? endingOf(state).outcome;
      return source(state, 'undoing', { kind: 'tell-abort', reason }, { kind: 'undo' });
    }
    case 'killing':
      return source(state, 'killing', { kind: 'kill' });
    case 'ended':
      return source(state, 'ended', { kind: 'end', ending: endingOf(state) });
  }
}

/**
 * The same for the target. A copy that is not complete is given up; one that was reported as prepared may be committed
 * by now, so the record is asked; after the commit it goes on where it was.
 */
export function recoverTarget(state: TargetState): TargetStep {
  switch (state.phase) {
    case 'building':
      return targetStep(state, { kind: 'failed', error: restarted(state.move.target) });
    case 'prepared':
    case 'aborting':
    case 'asking':
      return target(state, 'asking', { kind: 'ask' });
    case 'resuming':
    case 'filling':
      return target(state, 'resuming', { kind: 'resume' });
    case 'closing':
      return target(state, 'closing', { kind: 'close' });
    case 'undoing': {
      const error = endingOf(state).error ?? restarted(state.move.target);
      return target(state, 'undoing', { kind: 'report-failed', error }, { kind: 'undo' });
    }
    case 'dropping':
      return target(state, 'dropping', { kind: 'undo' });
    case 'returning':
      return target(state, 'returning', { kind: 'ask' });
    case 'losing':
      return target(state, 'losing', { kind: 'freeze-lost' });
    case 'lost':
      return target(state, 'lost', { kind: 'doubt', ending: endingOf(state) }, { kind: 'watch' });
    case 'clearing':
      return target(state, 'clearing', { kind: 'clear' });
    case 'ended':
      return target(state, 'ended', { kind: 'end', ending: endingOf(state) });
  }
}

/**
 * Whether the step to this state must not be made when it cannot be written down: going on from the state before it, a source
 * would undo what may be committed, and a target would clear away what the record may name.
 */
export function mustBeNoted({ phase }: SourceState | TargetState): boolean {
  return phase === 'committing' || phase === 'prepared';
}

function source(state: SourceState, phase: SourcePhase, ...effects: readonly SourceEffect[]): SourceStep {
  return { state: { ...state, phase }, effects };
}

function target(state: TargetState, phase: TargetPhase, ...effects: readonly TargetEffect[]): TargetStep {
  return { state: { ...state, phase }, effects };
}

function endingOf({ ending }: SourceState | TargetState) {
  return ending ?? ({ outcome: 'failed' } as const);
}

function restarted(node: string): WireError {
  return new GodwitError('MOVE_ABORTED', { problem: `the agent on ${node} restarted` }).toWire();
}
