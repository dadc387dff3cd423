import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EvacuationEvent, type EvacuationItem, evacuationOf, evacuationStep } from './evacuation.ts';
import { groupPauses } from './group-pause.ts';

function item(container: string, group: string | undefined, from?: number, to?: number): EvacuationItem {
  const times = from === undefined || to === undefined ? {} : { stoppedAtMs: from, resumedAtMs: to };
  const common = { container, memoryBytes: 1, attempts: 1, notBeforeMs: 0, state: 'moved' } as const;
  return { ...common, ...times, ...(group === undefined ? {} : { group }) };
}

describe('the pause of a group', () => {
  it('counts time in which several stand still once', () => {
    const items = [item('a', 'g', 0, 100), item('b', 'g', 50, 250), item('c', 'g', 400, 500)];
    expect(groupPauses(items)).toEqual([{ group: 'g', members: 3, pauseMs: 350, sumMs: 400 }]);
  });

  it('is only of groups of which several have moved', () => {
    const items = [item('a', 'g', 0, 100), item('b', undefined, 0, 100), item('c', undefined, 0, 100)];
    expect(groupPauses([...items, item('d', 'g'), { ...item('e', 'g', 0, 5), state: 'unknown' }])).toEqual(
      [],
    );
  });
});

const leaving = fc.uniqueArray(
  fc.record({
    container: fc.stringMatching(/^c[0-9]{1,2}$/),
    memoryBytes: fc.integer({ min: 1, max: 1_000 }),
    group: fc.option(fc.constantFrom('g', 'h'), { nil: undefined }),
  }),
  { selector: ({ container }) => container, maxLength: 16 },
);

/** Every move takes as long as its container is large, and it stands still all the time: the worst that can be. */
function liveThrough(
  wishes: Parameters<typeof evacuationOf>[0],
  parallel: number,
): readonly EvacuationItem[] {
  let state = evacuationOf(wishes, { parallel, deadlineAtMs: Number.MAX_SAFE_INTEGER });
  const moving: { container: string; fromMs: number; endsMs: number }[] = [];
  let event: EvacuationEvent = { kind: 'look', nowMs: 0 };
  for (;;) {
    const step = evacuationStep(state, event);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'end') return state.items;
      if (effect.kind !== 'move') continue;
      const { memoryBytes } = state.items.find(({ container }) => container === effect.container)!;
      moving.push({ container: effect.container, fromMs: event.nowMs, endsMs: event.nowMs + memoryBytes });
    }
    moving.sort((a, b) => a.endsMs - b.endsMs);
    const { container, fromMs, endsMs } = moving.shift()!;
    const pause = { stoppedAtMs: fromMs, resumedAtMs: endsMs };
    event = { kind: 'ended', nowMs: endsMs, container, outcome: 'moved', target: 'n2', ...pause };
  }
}

it('of an evacuation is at most that of its own moves, `parallel` at a time, and two single ones', () => {
  fc.assert(
    fc.property(leaving, fc.integer({ min: 1, max: 4 }), (wishes, parallel) => {
      const largest = Math.max(0, ...wishes.map(({ memoryBytes }) => memoryBytes));
      for (const { pauseMs, sumMs } of groupPauses(liveThrough(wishes, parallel))) {
        expect(pauseMs).toBeLessThanOrEqual(sumMs / parallel + 2 * largest);
        if (parallel === 1) expect(pauseMs).toBe(sumMs);
      }
    }),
  );
});
