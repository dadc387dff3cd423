import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFilledLater, rebuildMs, refillMs } from './refill.ts';

const MIB = 1024 * 1024;

describe('the memory of a pre-copy at its new node', () => {
  it('is read before the tasks run where that is quick, and filled in afterwards where it is much', () => {
    expect([64, 128, 256].map((mib) => isFilledLater(mib * MIB))).toEqual([false, false, false]);
    expect([257, 1024].map((mib) => isFilledLater(mib * MIB))).toEqual([true, true]);
    expect(refillMs(64 * MIB)).toBeCloseTo(62.5);
    expect(refillMs(1024 * MIB)).toBe(refillMs(512 * MIB));
  });

  it('never takes longer than reading all of it, nor longer for less of it', () => {
    const bytes = fc.nat({ max: 2 ** 40 });
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        expect(refillMs(one)).toBeLessThanOrEqual(rebuildMs(one));
        expect(refillMs(Math.min(one, other))).toBeLessThanOrEqual(refillMs(Math.max(one, other)));
      }),
    );
  });
});
