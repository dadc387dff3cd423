import { expect, it } from 'vitest';
import { pauseAfter } from './sampler.ts';

it('looks rarely where looking takes long, and never too rarely', () => {
  expect([1, 20, 100, 3_000].map(pauseAfter)).toEqual([2_000, 4_000, 10_000, 10_000]);
});
