import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS, type RootfsPass } from '../../protocol/mod.ts';
import { anotherPass } from './rule.ts';

const passes = (...durations: readonly number[]): RootfsPass[] =>
  durations.map((durationMs, index) => ({
    index: index + 1,
    frozen: false,
    entries: 1,
    bytes: 1,
    durationMs,
  }));

describe('passes while the container runs', () => {
  it.each([
    ['nothing was sent yet', [], true],
    ['the first says nothing of the last', [1], true],
    ['the second was quick', [60_000, 120], false],
    ['the second took its time: a third may be quicker', [60_000, 5_000], true],
    ['they get shorter', [60_000, 5_000, 2_000], true],
    ['they do not get shorter any more', [60_000, 5_000, 4_800], false],
    ['it got longer', [60_000, 5_000, 9_000], false],
  ])('%s', (_what, durations, expected) => {
    expect(anotherPass(passes(...durations))).toBe(expected);
  });

  it('come to an end, whatever they take, and are two at least', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 1_000_000 })), (times) => {
        const done: RootfsPass[] = [];
        while (anotherPass(done)) {
          done.push(...passes(times.next().value ?? 0));
          expect(done.length).toBeLessThanOrEqual(LIMITS.rootfsPasses);
        }
        expect(done.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});
