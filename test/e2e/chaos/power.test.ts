import { describe } from 'vitest';
import type { FaultPoint } from '../../../agent/faults/points.ts';
import { needsRoot } from '../support/lab.ts';
import type { ChaosMode, Outcome } from './cases.ts';
import { holdAt } from './held.ts';
import { settled } from './judge.ts';
import { type Trial, trials, useScene } from './trial.ts';

type Cut = 'source' | 'target' | 'both';

/** Who loses power while the move stands still at a point, and where that leaves the container. */
const CUTS: readonly (readonly [FaultPoint, ChaosMode, Cut, readonly Outcome[]])[] = [
  // The container dies with its node, as it would without a move; its target must not keep what it had.
  ['source.dump', 'cold', 'source', ['stopped at source']],
  ['source.commit', 'postcopy', 'source', ['stopped at source']],
  // The source had the word `prepared`, and commits to a target that is dark.
  ['source.commit', 'cold', 'target', ['in doubt']],
  ['source.ship', 'postcopy', 'target', ['back at source']],
  ['source.commit', 'cold', 'both', ['stopped at source']],
  // Past the commit nobody but an operator can say whether the target's copy ever ran.
  ['target.resume', 'cold', 'source', ['done']],
  ['target.resume', 'cold', 'target', ['in doubt']],
  ['target.pages', 'postcopy', 'target', ['in doubt']],
  // The one case in which a container can be lost.
  ['target.pages', 'postcopy', 'source', ['lost']],
  ['target.pages', 'postcopy', 'both', ['stopped at target', 'lost']],
];

const chosen = process.env.GODWIT_CHAOS === 'all' ? CUTS : CUTS.slice(0, 4);

describe.skipIf(needsRoot)('a power cut during a move (needs root)', () => {
  const scene = useScene('power');
  const trialOf = ([point, mode, cut, outcomes]: (typeof CUTS)[number]): Trial => ({
    name: `${mode}, of the ${cut === 'both' ? 'source and the target' : cut} at ${point}`,
    outcomes,
    // Every cut takes one of the three nats-servers along.
    electing: true,
    run: async () => {
      const { ends, job, release } = await holdAt(scene, point, mode);
      const nodes = cut === 'both' ? [ends.source, ends.target] : [ends[cut]];
      const heldSide = point.startsWith('source') ? 'source' : 'target';
      const dark = scene.powerCycle(nodes);
      // An agent that lives on goes on while the other node is dark.
      if (!nodes.includes(ends[heldSide])) await release();
      await dark;
      return settled(scene, ends, job, Date.now());
    },
  });
  trials(scene, chosen.map(trialOf));
});
