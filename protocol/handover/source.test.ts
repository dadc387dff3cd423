import { describe, expect, it } from 'vitest';
import { sourceStart, sourceStep } from './source.ts';
import type { SourceEvent, SourceState } from './source-words.ts';
import { ERROR, MOVE } from './testing.ts';
import type { RecordView } from './words.ts';

const ABORT = { kind: 'abort', outcome: 'aborted', error: ERROR } as const;

describe('sourceStep', () => {
  it('prepares, claims, dumps, ships, commits and kills in this order', () => {
    const story = play([
      { kind: 'ready' },
      { kind: 'claim', answer: 'ok' },
      { kind: 'frozen' },
      { kind: 'target-prepared' },
      { kind: 'commit', answer: 'ok' },
      { kind: 'target-running' },
      { kind: 'killed' },
    ]);
    expect(story.effects).toEqual(['claim', 'dump', 'ship', 'commit', 'tell-commit', 'watch', 'kill', 'end']);
    expect(story.state.ending).toEqual({ outcome: 'done' });
  });

  it('keeps a post-copy source until every page is on the target', () => {
    const story = play(
      [...TO_COMMITTED, { kind: 'target-running' }],
      sourceStart({ ...MOVE, pagesFollow: true }),
    );
    expect(story.effects).not.toContain('kill');
    expect(play([{ kind: 'target-filled' }], story.state).effects).toEqual(['kill']);
  });

  it.each<[string, SourceEvent[]]>([
    ['while preparing', []],
    ['while the claim is out', [{ kind: 'ready' }]],
    ['while dumping', [{ kind: 'ready' }, { kind: 'claim', answer: 'ok' }]],
    ['while frozen', [{ kind: 'ready' }, { kind: 'claim', answer: 'ok' }, { kind: 'frozen' }]],
  ])('an abort %s lets the container run on here', (_when, before) => {
    const story = play([...before, ABORT, { kind: 'undone' }]);
    expect(story.effects.slice(-3)).toEqual(['tell-abort', 'undo', 'end']);
    expect(story.state.ending?.outcome).toBe('aborted');
  });

  it('an abort after the commit was sent comes too late', () => {
    const story = play([
      ...TO_FROZEN,
      { kind: 'target-prepared' },
      ABORT,
      { kind: 'commit', answer: 'ok' },
      ABORT,
    ]);
    expect(story.effects).not.toContain('undo');
    expect(story.state.phase).toBe('committed');
  });

  it('an unknown commit is settled by a second CAS, again and again, and nothing is thawed meanwhile', () => {
    const story = play([
      ...TO_FROZEN,
      { kind: 'target-prepared' },
      { kind: 'commit', answer: 'unknown' },
      { kind: 'settle', answer: 'unknown' },
      { kind: 'target-failed', error: ERROR },
    ]);
    expect(story.effects.slice(-3)).toEqual(['commit', 'settle', 'settle']);
    expect(play([{ kind: 'settle', answer: 'ok' }], story.state).effects).toEqual(['tell-abort', 'undo']);
  });

  it('asks the record when the commit lost, and obeys what it says', () => {
    const asking = play([...TO_FROZEN, { kind: 'target-prepared' }, { kind: 'commit', answer: 'conflict' }]);
    expect(asking.effects.at(-1)).toBe('ask');
    const answer = (record: Omit<RecordView, 'phase'>) =>
      play([{ kind: 'record', record: { phase: 'switching', ...record } }], asking.state).effects;
    expect(answer({ revision: 9, owner: 'n2', epoch: 5, job: 'j' })).toEqual(['tell-commit', 'watch']);
    expect(answer({ revision: 9, owner: 'n1', epoch: 4 })).toEqual(['tell-abort', 'undo']);
    expect(answer({ revision: 7, owner: 'n1', epoch: 4 })).toEqual(['ask']);
  });

  it('settles a record that somebody changed without deciding anything, instead of asking for ever', () => {
    const touched = { revision: 9, owner: 'n1', epoch: 4, phase: 'switching', job: 'j' } as const;
    const settling = play([
      ...TO_FROZEN,
      { kind: 'target-prepared' },
      { kind: 'commit', answer: 'conflict' },
      { kind: 'record', record: touched },
    ]);
    expect(settling.effects.slice(-2)).toEqual(['ask', 'settle']);
    const undone = play([{ kind: 'settle', answer: 'ok' }], settling.state);
    expect(undone.effects).toEqual(['tell-abort', 'undo']);
    expect(undone.state.ending?.error?.code).toBe('RECORD_CONFLICT');
    expect(play([{ kind: 'settle', answer: 'conflict' }], settling.state).effects).toEqual(['ask']);
  });

  it('ends as refused without a side effect when the target refuses', () => {
    const story = play([{ kind: 'refused', outcome: 'refused', error: ERROR }]);
    expect(story.effects).toEqual(['end']);
    expect(story.state.ending).toEqual({ outcome: 'refused', error: ERROR });
  });

  it('keeps its frozen copy when the target says the container is lost, until an operator decides', () => {
    const { state, effects } = play([...TO_COMMITTED, { kind: 'target-lost', error: ERROR }]);
    expect(effects.slice(-1)).toEqual(['doubt']);
    expect(state).toMatchObject({ phase: 'in-doubt', ending: { outcome: 'lost' } });
    const source = play([RESOLVE_SOURCE, RESOLVED, { kind: 'undone' }], state);
    expect(source.effects).toEqual(['resolve', 'tell-abort', 'undo', 'end']);
    const target = play([{ kind: 'resolve', keep: 'target' }, RESOLVED, { kind: 'killed' }], state);
    expect(target.effects).toEqual(['resolve', 'kill', 'end']);
    expect(target.state.ending?.outcome).toBe('lost');
  });

  it('learns from the record what the target could not report', () => {
    const { state } = play(TO_COMMITTED);
    const sees = (record: Partial<RecordView>) =>
      play([{ kind: 'record', record: { ...COMMITTED, ...record } }], state).effects;
    expect(sees({})).toEqual(['watch']);
    expect(sees({ phase: 'filling', revision: 10 })).toEqual(['watch']);
    expect(play([CLOSED], state).effects).toEqual(['kill']);
    expect(sees({ owner: 'n3', epoch: 6, revision: 20 })).toEqual(['kill']);
    expect(sees({ phase: 'in-doubt', revision: 10 })).toEqual(['doubt', 'watch']);
    const { job: _over, ...lost } = { ...COMMITTED, phase: 'lost', revision: 11 } as const;
    expect(play([{ kind: 'record', record: lost }], state).effects).toEqual(['doubt', 'watch']);
    expect(sees({ owner: 'n1', epoch: 4, revision: 8 })).toEqual(['watch']);
  });

  it('lets an operator decide in doubt only', () => {
    expect(play([RESOLVE_SOURCE], play(TO_COMMITTED).state).effects).toEqual([]);
    expect(play([RESOLVE_SOURCE], play(TO_FROZEN).state).effects).toEqual([]);
  });

  it('obeys the record when the decision of an operator comes second', () => {
    const { state } = play([
      ...TO_COMMITTED,
      { kind: 'record', record: { ...COMMITTED, phase: 'in-doubt' } },
      RESOLVE_SOURCE,
      { kind: 'resolve-cas', answer: 'unknown' },
    ]);
    const sees = (record: Partial<RecordView>) =>
      play([{ kind: 'record', record: { ...COMMITTED, ...record } }], state).effects;
    expect(sees({ phase: 'in-doubt' })).toEqual(['resolve']);
    expect(sees({ owner: 'n1', epoch: 6, revision: 11 })).toEqual(['tell-abort', 'undo']);
    expect(play([CLOSED], state).effects).toEqual(['kill']);
    expect(sees({ revision: 7 })).toEqual(['ask']);
  });
});

const RESOLVE_SOURCE = { kind: 'resolve', keep: 'source' } as const;
const RESOLVED = { kind: 'resolve-cas', answer: 'ok' } as const;
const COMMITTED: RecordView = { revision: 9, owner: 'n2', epoch: 5, phase: 'resuming', job: 'j' };
const CLOSED: SourceEvent = {
  kind: 'record',
  record: { revision: 11, owner: 'n2', epoch: 5, phase: 'running' },
};
const TO_FROZEN: SourceEvent[] = [{ kind: 'ready' }, { kind: 'claim', answer: 'ok' }, { kind: 'frozen' }];
const TO_COMMITTED: SourceEvent[] = [
  ...TO_FROZEN,
  { kind: 'target-prepared' },
  { kind: 'commit', answer: 'ok' },
];

function play(events: readonly SourceEvent[], start: SourceState = sourceStart(MOVE)) {
  let state = start;
  const effects: string[] = [];
  for (const event of events) {
    const step = sourceStep(state, event);
    state = step.state;
    effects.push(...step.effects.map((effect) => effect.kind));
  }
  return { state, effects };
}
