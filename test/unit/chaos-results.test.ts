import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { POINTS } from '../../agent/faults/points.ts';
import { CASES, ELSEWHERE } from '../e2e/chaos/cases.ts';
import { STALE_CHOICES } from '../e2e/chaos/chosen.ts';
import { renderResults } from '../e2e/chaos/results/page.ts';
import { merge, type Result, readResults } from '../e2e/chaos/results/results.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const lines = readResults();

describe('the page of results', () => {
  test('is up to date (cure: npm run chaos:results)', () => {
    expect(read('test/e2e/chaos/RESULTS.md')).toBe(renderResults(lines));
  });

  test('keeps the newer of two', () => {
    const one: Result = { kind: 'bus', name: 'a', outcome: 'done', played: '2026-01-01' };
    const other: Result = { ...one, outcome: 'back at source', played: '2026-01-02' };
    expect(merge([one], [other])).toEqual([other]);
  });
});

describe('the walk', () => {
  test('plays every fault point, or says which test does', () => {
    const walked = new Set(CASES.map(({ point }) => point));
    for (const point of Object.keys(POINTS) as (keyof typeof POINTS)[]) {
      const file = ELSEWHERE[point];
      expect(walked.has(point), point).toBe(file === undefined);
      if (file !== undefined) expect(read(file)).toContain(`'${point}'`);
    }
  });

  test('chooses cases that there are', () => expect(STALE_CHOICES).toEqual([]));
});
