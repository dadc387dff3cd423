import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import type { FaultPoint } from '../../../agent/faults/points.ts';
import { needsRoot } from '../support/lab.ts';
import type { ChaosMode, Outcome } from './cases.ts';
import { holdAt } from './held.ts';
import { settled } from './judge.ts';
import { cut, heal, type Network } from './network.ts';
import { type Trial, trials, useScene } from './trial.ts';

/** Less than any time-out of ours, and more than all of those that end a move before its commit. */
const SHORT_MS = 3_000;
const LONG_MS = 25_000;

const EITHER: readonly Outcome[] = ['done', 'back at source'];
const DONE: readonly Outcome[] = ['done'];

/** Which network of the target fails, at what point, for how long. Past the commit the container has one way to go. */
const CUTS: readonly (readonly [Network, FaultPoint, ChaosMode, number, readonly Outcome[]])[] = [
  ['data', 'target.pages', 'postcopy', SHORT_MS, DONE],
  ['data', 'source.ship', 'cold', SHORT_MS, DONE],
  ['all', 'source.commit', 'cold', LONG_MS, EITHER],
  ['all', 'target.pages', 'postcopy', LONG_MS, DONE],
  ['data', 'source.ship', 'postcopy', LONG_MS, EITHER],
  ['bus', 'source.commit', 'postcopy', SHORT_MS, EITHER],
  ['bus', 'source.commit', 'cold', LONG_MS, EITHER],
  ['bus', 'target.resume', 'cold', LONG_MS, DONE],
  ['all', 'source.claim', 'cold', SHORT_MS, EITHER],
  ['all', 'target.resume', 'postcopy', SHORT_MS, DONE],
];
const chosen = process.env.GODWIT_CHAOS === 'all' ? CUTS : CUTS.slice(0, 4);

describe.skipIf(needsRoot)('a network that is cut during a move (needs root)', () => {
  const scene = useScene('links');
  const trialOf = ([network, point, mode, ms, outcomes]: (typeof CUTS)[number]): Trial => ({
    name: `${mode}, ${network} of the target at ${point} for ${ms / 1000} s`,
    outcomes,
    electing: network !== 'data',
    run: async () => {
      const { ends, job, release } = await holdAt(scene, point, mode);
      await cut(scene.lab, network, [ends.target]);
      await release();
      await sleep(ms);
      await heal(scene.lab);
      return settled(scene, ends, job, Date.now());
    },
  });
  trials(scene, chosen.map(trialOf));
});
