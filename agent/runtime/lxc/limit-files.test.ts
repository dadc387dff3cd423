import { expect, it } from 'vitest';
import { cpuMax, cpuWeight } from './limit-files.ts';

it.each([
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
])('%d shares of v1 are the weight %d of v2', (shares, weight) => {
  expect(cpuWeight(shares)).toBe(weight);
});

it('gives each processor a whole period, unless a quota says otherwise', () => {
  expect(cpuMax({ vcpus: 2 })).toEqual({ quotaUs: 200_000, periodUs: 100_000 });
  expect(cpuMax({ vcpus: 2, cputune: { periodUs: 50_000 } })).toEqual({ quotaUs: 100_000, periodUs: 50_000 });
  expect(cpuMax({ vcpus: 2, cputune: { quotaUs: 7_000 } })).toEqual({ quotaUs: 7_000, periodUs: 100_000 });
  expect(cpuMax({ vcpus: 2, cputune: { quotaUs: 'none' } }).quotaUs).toBe('none');
});
