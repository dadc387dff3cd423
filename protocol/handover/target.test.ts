import { describe, expect, it } from 'vitest';
import { targetStart, targetStep } from './target.ts';
import type { TargetEvent, TargetState } from './target-words.ts';
import { ERROR, MOVE } from './testing.ts';
import type { RecordView } from './words.ts';

const COMMIT = { kind: 'commit', epoch: 5 } as const;

describe('targetStep', () => {
  it('reports prepared, resumes on the commit, closes the record, reports running and ends', () => {
    const story = play([{ kind: 'built' }, COMMIT, { kind: 'resumed' }, { kind: 'closed' }]);
    expect(story.effects).toEqual(['report-prepared', 'resume', 'close', 'report-running', 'end']);
    expect(story.state.ending).toEqual({ outcome: 'done' });
  });

  it('in post-copy goes on until every page is here, whichever comes first', () => {
    const start = targetStart({ ...MOVE, pagesFollow: true });
    const [resumed, filled, closed] = [{ kind: 'resumed' }, { kind: 'filled' }, { kind: 'closed' }] as const;
    const late = play([{ kind: 'built' }, COMMIT, resumed, filled, closed], start);
    const early = play([{ kind: 'built' }, COMMIT, filled, resumed, closed], start);
    const effects = ['report-prepared', 'resume', 'report-running', 'close', 'report-filled', 'end'];
    for (const story of [late, early]) expect(story.effects).toEqual(effects);
  });

  it('reports a failed restore and leaves nothing', () => {
    const story = play([{ kind: 'failed', error: ERROR }, { kind: 'undone' }]);
    expect(story.effects).toEqual(['report-failed', 'undo', 'end']);
  });

  it('an overdue verdict is decided by a CAS, never by the clock', () => {
    const waiting = play([{ kind: 'built' }, { kind: 'verdict-overdue' }]);
    expect(waiting.effects.at(-1)).toBe('abort-cas');
    const won = play([{ kind: 'abort-cas', answer: 'ok' }], waiting.state);
    expect(won.effects).toEqual(['report-failed', 'undo']);
    for (const answer of ['conflict', 'unknown'] as const)
      expect(play([{ kind: 'abort-cas', answer }], waiting.state).effects).toEqual(['ask']);
  });

  it('after a lost CAS obeys the record', () => {
    const asking = play([
      { kind: 'built' },
      { kind: 'verdict-overdue' },
      { kind: 'abort-cas', answer: 'conflict' },
    ]);
    const answer = (record: Omit<RecordView, 'phase'>) =>
      play([{ kind: 'record', record: { phase: 'switching', ...record } }], asking.state).effects;
    expect(answer({ revision: 9, owner: 'n2', epoch: 5 })).toEqual(['resume']);
    expect(answer({ revision: 9, owner: 'n1', epoch: 4, job: 'j' })).toEqual(['abort-cas']);
    expect(answer({ revision: 9, owner: 'n1', epoch: 4 })).toEqual(['report-failed', 'undo']);
    expect(answer({ revision: 7, owner: 'n1', epoch: 4 })).toEqual(['ask']);
  });

  it('freezes the copy and reports the loss when it breaks after the commit', () => {
    const start = targetStart({ ...MOVE, pagesFollow: true });
    const story = play(
      [
        { kind: 'built' },
        COMMIT,
        { kind: 'resumed' },
        { kind: 'failed', error: ERROR },
        { kind: 'frozen-lost' },
      ],
      start,
    );
    expect(story.effects.slice(-4)).toEqual(['freeze-lost', 'report-lost', 'doubt', 'watch']);
    expect(story.state).toMatchObject({ phase: 'lost', ending: { outcome: 'lost' } });
    const sees = (record: RecordView) => play([{ kind: 'record', record }], story.state).effects;
    expect(sees({ revision: 9, owner: 'n2', epoch: 5, phase: 'lost', job: 'j' })).toEqual(['watch']);
    const givenUp = { revision: 10, owner: 'n2', epoch: 5, phase: 'stopped' } as const;
    expect(sees(givenUp)).toEqual(['clear']);
    const over = play([{ kind: 'record', record: givenUp }, { kind: 'cleared' }], story.state);
    expect(over).toMatchObject({ effects: ['clear', 'end'], state: { ending: { outcome: 'lost' } } });
    expect(sees({ revision: 10, owner: 'n1', epoch: 6, phase: 'running' })).toEqual(['undo']);
    expect(play([{ kind: 'abort', error: ERROR }], story.state).effects).toEqual(['undo']);
  });

  it('a copy that died in the hook is given up, and the container given back if the commit was made', () => {
    const dead = play([{ kind: 'built' }, { kind: 'failed', error: ERROR, neverRan: true }]);
    expect(dead.effects.at(-1)).toBe('abort-cas');
    const back = play([COMMIT, { kind: 'undone' }, { kind: 'return', answer: 'ok' }], dead.state);
    expect(back).toMatchObject({
      effects: ['undo', 'return', 'report-failed', 'end'],
      state: { ending: { outcome: 'failed', error: ERROR } },
    });
    expect(play([{ kind: 'abort-cas', answer: 'ok' }], dead.state).effects).toEqual([
      'report-failed',
      'undo',
    ]);
  });

  it('gives nothing back before its copy is gone, and asks the record when the answer is missing', () => {
    const broken = play([{ kind: 'built' }, COMMIT, { kind: 'failed', error: ERROR, neverRan: true }]);
    expect(broken).toMatchObject({ effects: ['report-prepared', 'resume', 'undo'] });
    const asking = play([{ kind: 'undone' }, { kind: 'return', answer: 'unknown' }], broken.state);
    expect(asking.effects).toEqual(['return', 'ask']);
    const sees = (record: RecordView) => play([{ kind: 'record', record }], asking.state).effects;
    expect(sees({ revision: 9, owner: 'n2', epoch: 5, phase: 'resuming', job: 'j' })).toEqual(['return']);
    expect(sees({ revision: 7, owner: 'n1', epoch: 4, phase: 'running' })).toEqual(['ask']);
    expect(sees({ revision: 10, owner: 'n1', epoch: 6, phase: 'switching', job: 'j' })).toEqual([
      'report-failed',
      'end',
    ]);
    // An operator was quicker.
    expect(sees({ revision: 10, owner: 'n2', epoch: 5, phase: 'stopped' })).toEqual(['clear']);
    expect(play([{ kind: 'abort', error: ERROR }], asking.state).effects).toEqual(['end']);
  });

  it('keeps a copy that may have run, or whose source may have nothing', () => {
    for (const story of [
      [{ kind: 'built' }, COMMIT, { kind: 'failed', error: ERROR }],
      [{ kind: 'built' }, { kind: 'failed', error: ERROR }, COMMIT],
    ] as const)
      expect(play(story).effects.at(-1)).toBe('freeze-lost');
  });

  it('refuses a commit of another epoch', () => {
    const { state } = play([{ kind: 'built' }]);
    expect(() => targetStep(state, { kind: 'commit', epoch: 9 })).toThrow('another epoch');
  });
});

function play(events: readonly TargetEvent[], start: TargetState = targetStart(MOVE)) {
  let state = start;
  const effects: string[] = [];
  for (const event of events) {
    const step = targetStep(state, event);
    state = step.state;
    effects.push(...step.effects.map((effect) => effect.kind));
  }
  return { state, effects };
}
