import { afterAll, describe, expect } from 'vitest';
import { needsRoot } from '../support/lab.ts';
import { CASES, type Case, nameOf } from './cases.ts';
import { play } from './play.ts';
import { type Row, tableOf } from './table.ts';
import { BYSTANDER_MS, type Trial, trials, useScene } from './trial.ts';

/** A case's name is matched against it; without it the walk takes the steps that a change most easily breaks. */
const wanted = process.env.GODWIT_CHAOS ?? '(ship|commit):hang$|cold source.open:lose-bus$';
const cases = CASES.filter((one) => wanted === 'all' || new RegExp(wanted).test(nameOf(one)));

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
