import { afterAll, describe, expect, it } from 'vitest';
import { needsRoot } from '../support/lab.ts';
import { type Case, nameOf } from './cases.ts';
import { STALE_CHOICES, wantedCases } from './chosen.ts';
import { play } from './play.ts';
import { type Row, tableOf } from './table.ts';
import { BYSTANDER_MS, type Trial, trials, useScene } from './trial.ts';

const cases = wantedCases(process.env.GODWIT_CHAOS);

it('the choice names cases that there are', () => expect(STALE_CHOICES).toEqual([]));

describe.skipIf(needsRoot)('a move with one fault (needs root)', () => {
  const scene = useScene('walk');
  const rows = new Map<string, Row>(cases.map((one) => [nameOf(one), one]));
  afterAll(() => console.log(tableOf([...rows.values()])));

  const trialOf = (which: Case): Trial => ({
    name: nameOf(which),
    outcomes: which.outcomes,
    run: async () => {
      const played = await play(scene, which).catch((error: Error) => {
        rows.set(nameOf(which), { ...which, problem: error.message });
        throw error;
      });
      rows.set(nameOf(which), { ...which, played });
      expect(played.bystanderGapMs).toBeLessThan(BYSTANDER_MS);
      return played;
    },
  });
  trials(scene, cases.map(trialOf));
});
