import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { needsRoot } from '../support/lab.ts';
import { LINK_CUTS, type LinkCut, linkCutName } from './cuts.ts';
import { holdAt } from './held.ts';
import { settled } from './judge.ts';
import { cut, heal } from './network.ts';
import { type Trial, trials, useScene } from './trial.ts';

const chosen = process.env.GODWIT_CHAOS === 'all' ? LINK_CUTS : LINK_CUTS.slice(0, 4);

describe.skipIf(needsRoot)('a network that is cut during a move (needs root)', () => {
  const scene = useScene('links');
  const trialOf = (which: LinkCut): Trial => ({
    name: linkCutName(which),
    outcomes: which.outcomes,
    electing: which.network !== 'data',
    run: async () => {
      const { network, point, mode, ms } = which;
      const { ends, job, release } = await holdAt(scene, point, mode);
      await cut(scene.lab, network, [ends.target]);
      await release();
      await sleep(ms);
      await heal(scene.lab);
      return settled(scene, ends, job, Date.now());
    },
  });
  trials('links', scene, chosen.map(trialOf));
});
