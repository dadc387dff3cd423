import { afterAll, beforeEach, expect, it } from 'vitest';
import { ownName } from '../support/lab.ts';
import type { Outcome } from './cases.ts';
import { SETTLE_MS, type Verdict } from './judge.ts';
import { bringBack } from './operator.ts';
import { recordTrial } from './results/record.ts';
import type { Kind } from './results/results.ts';
import { Scene } from './scene.ts';

/** Containers that stay may feel the machine's load, never a stop. */
export const BYSTANDER_MS = 1_500;

/** A server that was cut off or without power takes up to so long until all know who leads. */
const ELECTION_MS = 10_000;

/** One trial of a file: what is done to the traveller, and how it may end. */
export interface Trial {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  /** JetStream may have to find a leader first, which takes it as long again. */
  readonly electing?: boolean;
  readonly run: (scene: Scene) => Promise<Verdict>;
}

/** A scene for all tests of a file, each with the judges' verdict before and after. */
export function useScene(suffix: string): Scene {
  const scene = new Scene(`${ownName}${suffix}`);
  beforeEach(() => scene.ready());
  afterAll(() => scene.down());
  return scene;
}

/** Makes a test of each trial: it ends as it may, in time, nothing ran twice or was set back, and the memory is right; what came of it is recorded. */
export function trials(kind: Kind, scene: Scene, all: readonly Trial[]): void {
  it.each(all.map((trial) => [trial.name, trial] as const))('%s', async (_name, trial) => {
    try {
      recordTrial(kind, trial.name, await judged(scene, trial));
    } catch (error) {
      await scene.keepLogs(trial.name);
      scene.spoil();
      throw error;
    }
  });
}

async function judged(scene: Scene, trial: Trial): Promise<Verdict> {
  const before = { leases: scene.leases.violations.length, watch: scene.watch.violations.length };
  const verdict = await trial.run(scene);
  expect(scene.leases.violations.slice(before.leases)).toEqual([]);
  expect(scene.watch.violations.slice(before.watch)).toEqual([]);
  expect(trial.outcomes).toContain(verdict.outcome);
  expect(verdict.recoveryMs).toBeLessThan(SETTLE_MS + (trial.electing ? ELECTION_MS : 0));
  const { outcome } = verdict.outcome === 'frozen at target' ? await bringBack(scene, verdict) : verdict;
  if (outcome === 'done' || outcome === 'back at source') expect((await scene.memory.check()).wrong).toBe(0);
  else scene.spoil();
  return verdict;
}
