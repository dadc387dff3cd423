import type { FaultPoint } from '../../../agent/faults/points.ts';
import { until } from '../support/until.ts';
import { armAgent, continueAgent } from './agents.ts';
import type { ChaosMode } from './cases.ts';
import type { Ends } from './judge.ts';
import { findEnds, migrate, owner, sideOf } from './play.ts';
import type { Scene } from './scene.ts';

const STRIKE_MS = 60_000;

/** A move that stands still at a fault point, for something to happen around it. */
export interface Held {
  readonly ends: Ends;
  readonly job: string | undefined;
  readonly startMs: number;
  /** Lets the agent that stands still go on, if it still lives. */
  release(): Promise<void>;
}

/** Moves the traveller up to a point, where that side's agent stops. */
export async function holdAt(scene: Scene, point: FaultPoint, mode: ChaosMode): Promise<Held> {
  const ends = await findEnds(scene);
  const node = ends[sideOf(point)];
  const mark = await armAgent(scene.lab, node, `${point}:hang`);
  await owner(scene);
  const startMs = Date.now();
  const job = await migrate(scene, ends, mode);
  await until(`the move is at ${point}`, STRIKE_MS, () => mark.has('a fault strikes', point));
  return { ends, job, startMs, release: () => continueAgent(scene.lab, node) };
}
