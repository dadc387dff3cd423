import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { POINTS } from '../../agent/faults/points.ts';
import { CASES, ELSEWHERE, nameOf } from '../e2e/chaos/cases.ts';
import { STALE_CHOICES } from '../e2e/chaos/chosen.ts';
import { expectedNames } from '../e2e/chaos/results/expected.ts';
import { renderResults } from '../e2e/chaos/results/page.ts';
import { type Kind, merge, type Result, readResults } from '../e2e/chaos/results/results.ts';
import { BROKEN } from '../simulation/handover/broken.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const KINDS: readonly Kind[] = ['walk', 'power', 'links', 'bus', 'beside'];
const SETTLE_MS = 10_000;
/** A nats-server that was gone takes part in an election first. */
const ELECTION_MS = 10_000;
const lines = readResults();
const results = lines.filter((line): line is Result => line.kind !== 'simulation');

describe('the page of results', () => {
  test('is up to date (cure: npm run chaos:results)', () => {
    expect(read('test/e2e/chaos/RESULTS.md')).toBe(renderResults(lines));
  });

  test.each(KINDS)('tells of every trial there is: %s', (kind) => {
    const names = results.filter((one) => one.kind === kind).map(({ name }) => name);
    expect(names.toSorted()).toEqual(expectedNames(kind).toSorted());
  });

  test('has no end that a case must not come to', () => {
    const outcomes = new Map(CASES.map((one) => [nameOf(one), one.outcomes]));
    const wrong = results.filter(
      ({ kind, name, outcome }) => kind === 'walk' && !outcomes.get(name)?.some((one) => one === outcome),
    );
    expect(wrong).toEqual([]);
  });

  test('has nothing that took too long', () => {
    const limit = (kind: Kind) => SETTLE_MS + (kind === 'walk' ? 0 : ELECTION_MS);
    expect(results.filter(({ kind, recoveryMs = 0 }) => recoveryMs > limit(kind))).toEqual([]);
  });

  test('tells how every deliberate mistake was found', () => {
    const caught = lines.filter((line) => line.kind === 'simulation' && line.violations > 0);
    expect(caught.map((line) => ('broken' in line ? line.broken : undefined)).toSorted()).toEqual(
      Object.keys(BROKEN).toSorted(),
    );
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
