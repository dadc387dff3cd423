import { describe, expect } from 'vitest';
import type { FaultPoint } from '../../../agent/faults/points.ts';
import type { ContainerInfo } from '../../../protocol/mod.ts';
import { needsRoot } from '../support/lab.ts';
import { until } from '../support/until.ts';
import { armAgent, continueAgent } from './agents.ts';
import type { ChaosMode, Outcome } from './cases.ts';
import { holdAt } from './held.ts';
import { settled } from './judge.ts';
import { findEnds, owner } from './play.ts';
import { TRAVELLER } from './scene.ts';
import { type Trial, trials, useScene } from './trial.ts';

const STRIKE_MS = 60_000;

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

/**
 * Without a common key the source's data port cannot say what is the matter; its agent does. Whoever waits for the move hears of
 * it, and gives up what is left.
 */
const LOST: Trial = {
  name: 'of the source at target.pages, encrypted: the one who waits is told, and settles it',
  outcomes: ['stopped at target'],
  electing: true,
  run: async (scene) => {
    await scene.encrypt();
    const ends = await findEnds(scene);
    const mark = await armAgent(scene.lab, ends.target, 'target.pages:hang');
    await owner(scene);
    const { godwit } = scene.cluster;
    const moving = godwit('migrate', TRAVELLER, ends.target, '--mode', 'postcopy', '--bandwidth', '4MiB/s');
    await until('the move is at target.pages', STRIKE_MS, () => mark.has('a fault strikes'));
    const [, job = ''] = /"job":"(\w+)","fault"/.exec(mark.lines().join('\n')) ?? [];
    const dark = scene.powerCycle([ends.source]);
    await continueAgent(scene.lab, ends.target);
    await dark;
    expect(await moving).toMatchObject({ exitCode: 9 });
    const becomes = async (phase: string) => {
      let container: ContainerInfo['container'] | undefined;
      await until(`the container is ${phase}`, STRIKE_MS, async () => {
        const { exitCode, stdout } = await godwit('inspect', TRAVELLER, '--json');
        container = exitCode === 0 ? (JSON.parse(stdout) as ContainerInfo).container : container;
        return container?.phase === phase;
      });
      return container;
    };
    // The command may have ended because nobody told it more; the target has to hear from the source that came back.
    expect(await becomes('lost')).toMatchObject({ owner: ends.target, state: 'frozen', job });
    expect(await godwit('start', TRAVELLER)).toMatchObject({ exitCode: 9 });
    expect(await godwit('job', 'resolve', job, '--keep', ends.source)).toMatchObject({ exitCode: 5 });
    const settledMs = Date.now();
    const resolved = await godwit('job', 'resolve', job, '--keep', ends.target);
    expect(resolved, resolved.stderr).toMatchObject({ exitCode: 0 });
    await becomes('stopped');
    const verdict = await settled(scene, ends, job, settledMs);
    expect(verdict.job).toBe('lost');
    expect((await godwit('job', 'show', job)).stdout).toContain(`an operator kept what is on ${ends.target}`);
    return verdict;
  },
};

const chosen = process.env.GODWIT_CHAOS === 'all' ? CUTS : CUTS.slice(0, 4);

describe.skipIf(needsRoot)('a power cut during a move (needs root)', () => {
  const scene = useScene('power');
  const cutOf = ([point, mode, cut, outcomes]: (typeof CUTS)[number]): Trial => ({
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
  trials(scene, [...chosen.map(cutOf), LOST]);
});
