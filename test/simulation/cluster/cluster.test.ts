import { describe, expect, it } from 'vitest';
import { BROKEN, broken, loseATenth } from './lose.ts';

describe('a cluster that loses a tenth of its nodes at once', () => {
  it.each([
    [10, 1],
    [30, 2],
    [100, 3],
    [100, 4],
  ])('of %i nodes finds a good place for everything, each in one move (seed %i)', (nodes, seed) => {
    const report = loseATenth(nodes, seed);
    expect(broken(report)).toEqual([]);
    expect(report.containers).toBeGreaterThan(0);
    // No node was asked more often than there were containers to place, and each answered once.
    expect(report.answersEach).toBeLessThanOrEqual(nodes - 1);
  });

  it('goes the same way for the same seed', () => {
    expect(loseATenth(50, 7)).toEqual(loseATenth(50, 7));
  });

  it.each(Object.keys(BROKEN))('the checks bite: %s is caught', (name) => {
    const reports = [1, 2, 3].map((seed) => loseATenth(100, seed, BROKEN[name]));
    expect(reports.flatMap(broken)).not.toEqual([]);
  });
});
