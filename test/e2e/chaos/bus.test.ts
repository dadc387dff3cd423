import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { needsRoot } from '../support/lab.ts';
import { until } from '../support/until.ts';
import { markLog } from './agents.ts';
import { BESIDE_TRIALS, BUS_TRIALS } from './cuts.ts';
import { holdAt } from './held.ts';
import { settled } from './judge.ts';
import { recordTrial } from './results/record.ts';
import { bystander, NODES, type Scene, TRAVELLER } from './scene.ts';
import { BYSTANDER_MS, type Trial, trials, useScene } from './trial.ts';

/** How long all three servers are out of reach: longer than a prepared target waits for the verdict. */
const OUTAGE_MS = 15_000;

describe.skipIf(needsRoot)('three nats-servers (needs root)', () => {
  const scene = useScene('bus');

  trials('bus', scene, [
    killed(BUS_TRIALS.bystander, () => 'n3'),
    killed(BUS_TRIALS.source, ({ source }) => source),
    killed(BUS_TRIALS.target, ({ target }) => target),
    {
      name: BUS_TRIALS.beforeFreeze,
      outcomes: ['done', 'back at source'],
      electing: true,
      run: async () => {
        const { ends, job, release } = await holdAt(scene, 'source.claim', 'cold');
        await signalServers(scene, NODES, 'STOP');
        await release();
        await sleep(OUTAGE_MS);
        expect(await scene.renewed(TRAVELLER)).toBe(true);
        await signalServers(scene, NODES, 'CONT');
        return settled(scene, ends, job, Date.now());
      },
    },
    {
      name: BUS_TRIALS.atCommit,
      outcomes: ['done', 'back at source'],
      electing: true,
      run: async () => {
        const { ends, job, release } = await holdAt(scene, 'source.commit', 'cold');
        await signalServers(scene, NODES, 'STOP');
        await release();
        await sleep(OUTAGE_MS);
        expect(await scene.renewed(TRAVELLER)).toBe(false);
        await signalServers(scene, NODES, 'CONT');
        return settled(scene, ends, job, Date.now());
      },
    },
  ]);

  function killed(name: string, node: (ends: { source: string; target: string }) => string): Trial {
    return {
      name,
      outcomes: ['done'],
      electing: true,
      run: async () => {
        const { ends, job, release } = await holdAt(scene, 'source.ship', 'cold');
        await signalServers(scene, [node(ends)], 'KILL');
        await release();
        return settled(scene, ends, job, Date.now());
      },
    };
  }

  it.each(NODES)('the agent of %s killed again and again: no container there notices', async (node) => {
    const sinceMs = Date.now();
    for (let kill = 1; kill <= 3; kill++) {
      const mark = markLog(scene.lab, node);
      await scene.must('agent', node, 'kill');
      await until(`the agent of ${node} is back`, 60_000, () => mark.has('ready'));
    }
    const gapMs = scene.leases.longestGapMs(bystander(node), sinceMs);
    expect(gapMs).toBeLessThan(BYSTANDER_MS);
    expect(await scene.renewed(bystander(node))).toBe(true);
    recordTrial('beside', BESIDE_TRIALS.agentKilled(node), { outcome: 'not moved', gapMs });
  });
});

async function signalServers(scene: Scene, nodes: readonly string[], signal: string): Promise<void> {
  for (const node of nodes) await scene.lab.sh(node, `kill -${signal} $(pidof nats-server)`);
}
