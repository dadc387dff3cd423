import { describe, expect } from 'vitest';
import { needsRoot } from '../support/lab.ts';
import { type Case, nameOf } from './cases.ts';
import { wantedCases } from './chosen.ts';
import { play } from './play.ts';
import { BYSTANDER_MS, type Trial, trials, useScene } from './trial.ts';

const cases = wantedCases(process.env.GODWIT_CHAOS);

describe.skipIf(needsRoot)('a move with one fault (needs root)', () => {
  const scene = useScene('walk');
  const trialOf = (which: Case): Trial => ({
    name: nameOf(which),
    outcomes: which.outcomes,
    run: async () => {
      const played = await play(scene, which);
      expect(played.bystanderGapMs).toBeLessThan(BYSTANDER_MS);
      return played;
    },
  });
  trials('walk', scene, cases.map(trialOf));
});
