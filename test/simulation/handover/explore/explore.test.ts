import { describe, expect, it } from 'vitest';
import { BROKEN } from '../broken.ts';
import { explore } from './explore.ts';

const FAULTS = 2;
const PATIENCE_MS = 10 * 60_000;

describe('one move, in every order of things', () => {
  it.each([
    ['cold', false],
    ['postcopy', true],
  ] as const)(
    `breaks no rule with up to ${FAULTS} faults (%s)`,
    { timeout: PATIENCE_MS },
    (mode, pagesFollow) => {
      const { states, transitions, violation } = explore({ pagesFollow, faults: FAULTS });
      console.log(`${mode}: ${states} states, ${transitions} transitions`);
      expect(violation).toBeUndefined();
      // The whole of it, and not the little that a defect of the model leaves.
      expect(states).toBeGreaterThan(10_000);
    },
  );

  it('gets from its request to its end', () => {
    const { states, transitions } = explore({ pagesFollow: false, faults: 0 });
    expect(states).toBeGreaterThan(100);
    expect(transitions).toBeGreaterThan(states);
  });
});

describe('the checks bite', () => {
  it.each([
    ['resume-on-timeout', 0],
    ['kill-before-running', 0],
    ['resume-when-built', 0],
    ['report-before-closed', 0],
    ['thaw-on-silence', 1],
    ['never-watch', 1],
    ['trust-a-read', 2],
  ])('%s is caught with %i faults', { timeout: PATIENCE_MS }, (name, faults) => {
    const { sourceStep, targetStep } = BROKEN[name] ?? {};
    const broken = { ...(sourceStep ? { sourceStep } : {}), ...(targetStep ? { targetStep } : {}) };
    const { violation } = explore({ pagesFollow: true, faults, broken });
    expect(violation?.rule).toEqual(expect.any(String));
    expect(violation?.way[0]).toBe('S: ready');
  });
});
