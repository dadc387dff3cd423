import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

/** A seed of one's own repeats a run: `simulate(seed, weather)`. */
const RUNS = 2_000;

describe('streams over a link that breaks', () => {
  it(`carry every byte once and in order through ${RUNS} short cuts`, () => {
    const outcomes = Array.from({ length: RUNS }, (_, seed) => simulate(seed, 'mild'));
    expect(outcomes.every(({ opener, acceptor }) => opener === 'done' && acceptor === 'done')).toBe(true);
    expect(Math.max(...outcomes.map(({ connections }) => connections))).toBeGreaterThan(3);
  });

  it(`end, in order as far as they came, in ${RUNS} runs with everything that can happen`, () => {
    const outcomes = Array.from({ length: RUNS }, (_, seed) => simulate(seed, 'rough'));
    const count = (fate: string) => outcomes.filter(({ opener }) => opener === fate).length;
    for (const fate of ['done', 'failed', 'destroyed', 'vanished']) expect(count(fate)).toBeGreaterThan(10);
  });
});
