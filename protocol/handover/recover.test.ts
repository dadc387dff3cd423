import { describe, expect, it } from 'vitest';
import {
  mustBeNoted,
  recoverSource,
  recoverTarget,
  type SourcePhase,
  type SourceState,
  sourceStart,
  sourceStep,
  type TargetPhase,
  type TargetState,
  targetStart,
  targetStep,
} from './mod.ts';
import { MOVE as COLD, ERROR } from './testing.ts';

const MOVE = { ...COLD, pagesFollow: true };

const ENDING = { outcome: 'failed', error: ERROR } as const;

describe('recoverSource', () => {
  it.each<[SourcePhase, SourcePhase, string[]]>([
    ['preparing', 'undoing', ['tell-abort', 'undo']],
    ['claiming', 'undoing', ['tell-abort', 'undo']],
    ['freezing', 'undoing', ['tell-abort', 'undo']],
    ['frozen', 'undoing', ['tell-abort', 'undo']],
    ['committing', 'settling', ['settle']],
    ['settling', 'settling', ['settle']],
    ['asking', 'asking', ['ask']],
    ['committed', 'committed', ['tell-commit', 'watch']],
    ['in-doubt', 'in-doubt', ['doubt', 'watch']],
    ['resolving', 'resolving', ['ask']],
    ['undoing', 'undoing', ['tell-abort', 'undo']],
    ['killing', 'killing', ['kill']],
    ['ended', 'ended', ['end']],
  ])('goes on from %s as %s', (phase, then, effects) => {
    const step = recoverSource(sourceAt(phase));
    expect(step.state.phase).toBe(then);
    expect(step.effects.map((effect) => effect.kind)).toEqual(effects);
  });

  it('says why a move that had not failed before ended', () => {
    expect(recoverSource(sourceStart(MOVE)).state.ending?.error?.message).toContain('n1 restarted');
  });

  it('keeps the frozen copy of an unknown commit until the record decided', () => {
    const { state } = recoverSource(sourceAt('committing'));
    const lost = sourceStep(state, { kind: 'settle', answer: 'conflict' });
    expect(lost.effects).toEqual([{ kind: 'ask' }]);
    const record = { revision: 9, owner: 'n2', epoch: 5, phase: 'resuming', job: 'j' } as const;
    expect(sourceStep(lost.state, { kind: 'record', record }).state.phase).toBe('committed');
  });
});

describe('recoverTarget', () => {
  it.each<[TargetPhase, TargetPhase, string[]]>([
    ['building', 'undoing', ['report-failed', 'undo']],
    ['prepared', 'asking', ['ask']],
    ['aborting', 'asking', ['ask']],
    ['asking', 'asking', ['ask']],
    ['resuming', 'resuming', ['resume']],
    ['filling', 'resuming', ['resume']],
    ['closing', 'closing', ['close']],
    ['undoing', 'undoing', ['report-failed', 'undo']],
    ['losing', 'losing', ['freeze-lost']],
    ['lost', 'lost', ['doubt', 'watch']],
    ['clearing', 'clearing', ['clear']],
    ['ended', 'ended', ['end']],
  ])('goes on from %s as %s', (phase, then, effects) => {
    const step = recoverTarget(targetAt(phase));
    expect(step.state.phase).toBe(then);
    expect(step.effects.map((effect) => effect.kind)).toEqual(effects);
  });

  it('closes at once when every page had come before', () => {
    const { state } = recoverTarget({ ...targetAt('filling'), filled: true });
    expect(targetStep(state, { kind: 'resumed' }).effects.map((effect) => effect.kind)).toEqual([
      'report-running',
      'close',
    ]);
  });

  it('remembers that its copy died while the record was asked', () => {
    const record = { revision: 9, owner: 'n2', epoch: 5, phase: 'resuming', job: 'j' } as const;
    const goesOn = (neverRan: boolean) => {
      const { state } = recoverTarget({ ...targetAt('aborting'), neverRan, ending: ENDING });
      return targetStep(state, { kind: 'record', record }).effects;
    };
    expect(goesOn(false)).toEqual([{ kind: 'freeze-lost' }]);
    expect(goesOn(true)).toEqual([{ kind: 'undo' }]);
  });
});

it('a step is not made without notes where the ones before it would mislead', () => {
  expect(mustBeNoted(sourceAt('committing'))).toBe(true);
  expect(mustBeNoted(targetAt('prepared'))).toBe(true);
  expect(mustBeNoted(sourceAt('undoing'))).toBe(false);
  expect(mustBeNoted(targetAt('resuming'))).toBe(false);
});

function sourceAt(phase: SourcePhase): SourceState {
  const decided = phase === 'undoing' || phase === 'in-doubt' || phase === 'ended';
  return { ...sourceStart(MOVE), phase, ...(decided ? { ending: ENDING } : {}) };
}

function targetAt(phase: TargetPhase): TargetState {
  const decided = ['undoing', 'losing', 'lost', 'clearing', 'ended'].includes(phase);
  return { ...targetStart(MOVE), phase, ...(decided ? { ending: ENDING } : {}) };
}
