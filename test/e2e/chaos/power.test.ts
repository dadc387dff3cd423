import { describe, expect } from 'vitest';
import type { ContainerInfo } from '../../../protocol/mod.ts';
import { needsRoot } from '../support/lab.ts';
import { until } from '../support/until.ts';
import { armAgent, continueAgent } from './agents.ts';
import { LOST_CUT, POWER_CUTS, type PowerCut, powerCutName } from './cuts.ts';
import { holdAt } from './held.ts';
import { settled } from './judge.ts';
import { findEnds, owner } from './play.ts';
import { TRAVELLER } from './scene.ts';
import { type Trial, trials, useScene } from './trial.ts';

const STRIKE_MS = 60_000;

/** Without a common key the source's data port cannot say what is the matter; its agent does. */
const LOST: Trial = {
  name: LOST_CUT,
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
    await scene.powerCycle([ends.source], () => continueAgent(scene.lab, ends.target));
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

const chosen = process.env.GODWIT_CHAOS === 'all' ? POWER_CUTS : POWER_CUTS.slice(0, 4);

describe.skipIf(needsRoot)('a power cut during a move (needs root)', () => {
  const scene = useScene('power');
  const trialOf = (which: PowerCut): Trial => ({
    name: powerCutName(which),
    outcomes: which.outcomes,
    // Every cut takes one of the three nats-servers along.
    electing: true,
    run: async () => {
      const { point, mode, cut } = which;
      const { ends, job, release } = await holdAt(scene, point, mode);
      const nodes = cut === 'both' ? [ends.source, ends.target] : [ends[cut]];
      const heldSide = point.startsWith('source') ? 'source' : 'target';
      // An agent that lives on goes on when the other node is dark, not a moment before.
      const goesOn = nodes.includes(ends[heldSide]) ? undefined : release;
      await scene.powerCycle(nodes, goesOn);
      return settled(scene, ends, job, Date.now());
    },
  });
  trials('power', scene, [...chosen.map(trialOf), LOST]);
});
