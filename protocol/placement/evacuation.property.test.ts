import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ATTEMPTS,
  type Evacuation,
  type EvacuationEvent,
  evacuationOf,
  evacuationStep,
  recoverEvacuation,
} from './evacuation.ts';

const DEADLINE_MS = 100_000;
const leaving = fc.uniqueArray(
  fc.record({
    container: fc.stringMatching(/^c[0-9]{1,2}$/),
    memoryBytes: fc.nat(1_000),
    group: fc.option(fc.constantFrom('g', 'h'), { nil: undefined }),
  }),
  { selector: ({ container }) => container, maxLength: 12 },
);
const outcomes = fc.infiniteStream(
  fc.record({
    outcome: fc.constantFrom('moved', 'failed', 'failed', 'unknown', 'gone'),
    tookMs: fc.nat(20_000),
    restarts: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    aborts: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
  }),
);
type Chance = fc.Stream<{
  outcome: 'moved' | 'failed' | 'unknown' | 'gone';
  tookMs: number;
  restarts: boolean;
  aborts: boolean;
}>;

/** Lives through an evacuation as an agent does; `check` sees every state. */
function live(start: Evacuation, chance: Chance, check: (state: Evacuation, nowMs: number) => void) {
  let state = start;
  let nowMs = 0;
  let moving: { container: string; endsMs: number }[] = [];
  let event: EvacuationEvent = { kind: 'look', nowMs };
  for (let steps = 0; steps < 500; steps++) {
    const step = evacuationStep(state, event);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'end') return { state, nowMs, moving };
      if (effect.kind === 'move')
        moving.push({ container: effect.container, endsMs: nowMs + chance.next().value.tookMs });
    }
    check(state, nowMs);
    const { outcome, restarts, aborts } = chance.next().value;
    if (restarts) {
      [state, moving] = [recoverEvacuation(state), []];
      event = { kind: 'look', nowMs };
      continue;
    }
    if (aborts) {
      event = { kind: 'abort', nowMs };
      continue;
    }
    const wake = step.effects.find((effect) => effect.kind === 'wake');
    moving.sort((a, b) => a.endsMs - b.endsMs);
    const [first] = moving;
    if (first && first.endsMs <= (wake?.atMs ?? Number.POSITIVE_INFINITY)) {
      moving.shift();
      nowMs = Math.max(nowMs, first.endsMs);
      event = { kind: 'ended', nowMs, container: first.container, outcome, reason: outcome };
    } else {
      nowMs = Math.max(nowMs, wake?.atMs ?? nowMs);
      event = { kind: 'look', nowMs };
    }
  }
  throw new Error('it does not come to an end');
}

describe('an evacuation', () => {
  it('ends with every container settled, whatever its moves come to and whenever its agent restarts', () => {
    fc.assert(
      fc.property(leaving, fc.integer({ min: 1, max: 4 }), outcomes, (list, parallel, chance) => {
        const start = evacuationOf(list, { parallel, deadlineAtMs: DEADLINE_MS });
        const { state, moving } = live(start, chance as Chance, (now, nowMs) => {
          expect(now.items.filter((item) => item.state === 'moving').length).toBeLessThanOrEqual(parallel);
          if (now.over !== undefined || nowMs >= DEADLINE_MS)
            expect(now.items.every((item) => item.state !== 'waiting')).toBe(true);
        });
        expect(moving).toEqual([]);
        expect(state.items.map(({ container }) => container).sort()).toEqual(
          list.map(({ container }) => container).sort(),
        );
        for (const item of state.items) {
          expect(['moved', 'stays', 'unknown', 'gone']).toContain(item.state);
          expect(item.attempts).toBeLessThanOrEqual(ATTEMPTS);
          if (item.state === 'stays') expect(item.reason).toBeTruthy();
        }
      }),
    );
  });

  it('moves the smallest first, and the members of a group one after the other', () => {
    fc.assert(
      fc.property(leaving, (list) => {
        const { items } = evacuationOf(list, { parallel: 1, deadlineAtMs: DEADLINE_MS });
        const alone = items.filter(({ group }) => group === undefined).map(({ memoryBytes }) => memoryBytes);
        expect(alone).toEqual([...alone].sort((a, b) => a - b));
        for (const group of ['g', 'h']) {
          const at = items.flatMap((item, i) => (item.group === group ? [i] : []));
          expect(at).toEqual(at.map((_one, i) => at[0]! + i));
        }
      }),
    );
  });

  it('tries again after growing pauses, then lets it stay with the last reason', () => {
    let state = evacuationOf([{ container: 'a', memoryBytes: 1 }], {
      parallel: 1,
      deadlineAtMs: DEADLINE_MS,
    });
    const seen: unknown[] = [];
    let nowMs = 0;
    for (let i = 0; i < ATTEMPTS; i++) {
      state = evacuationStep(state, { kind: 'look', nowMs }).state;
      expect(state.items[0]?.state).toBe('moving');
      const step = evacuationStep(state, {
        kind: 'ended',
        nowMs,
        container: 'a',
        outcome: 'failed',
        reason: `r${i}`,
      });
      state = step.state;
      seen.push(step.effects);
      nowMs = state.items[0]!.notBeforeMs;
    }
    expect(seen).toEqual([
      [{ kind: 'wake', atMs: 2_000 }],
      [{ kind: 'wake', atMs: 10_000 }],
      [{ kind: 'end' }],
    ]);
    expect(state.items[0]).toMatchObject({ state: 'stays', reason: 'r2', attempts: 3 });
  });
});

it('what a silent node took is in doubt, and nothing else', () => {
  const [nowMs, limits] = [0, { parallel: 3, deadlineAtMs: DEADLINE_MS }] as const;
  let state = evacuationOf(
    ['a', 'b', 'c'].map((container) => ({ container, memoryBytes: 1 })),
    limits,
  );
  state = evacuationStep(state, { kind: 'look', nowMs }).state;
  for (const [container, target] of [
    ['a', 'n2'],
    ['b', 'n2'],
    ['c', 'n3'],
  ] as const)
    state = evacuationStep(state, { kind: 'ended', nowMs, container, outcome: 'moved', target }).state;
  const step = evacuationStep(state, { kind: 'silent', nowMs, node: 'n2', containers: ['a', 'c'] });
  expect(step.state.items).toMatchObject([
    { container: 'a', state: 'unknown', target: 'n2', reason: 'n2, which took it, does not answer' },
    { container: 'b', state: 'moved' },
    { container: 'c', state: 'moved' },
  ]);
  expect(step.effects).toEqual([{ kind: 'end' }]);
});
