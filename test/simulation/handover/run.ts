import type { Variant } from './broken.ts';
import { operate } from './incidents.ts';
import { brokenRule, outcomeOf, unsettled } from './invariants.ts';
import { planIncidents } from './plan.ts';
import { World } from './world.ts';

/** Everything has to be in order this long after the last thing that went wrong. */
const SETTLE_MS = 5 * 60_000;
const LOOK_MS = 2_000;

export interface Outcome {
  readonly seed: number;
  readonly violation?: string;
  readonly outcome: string;
  readonly steps: number;
  readonly trace: readonly string[];
}

/** One move from its request to the end of all it left behind. The same seed gives the same run. */
export async function run(seed: number, variant: Variant = {}, traced = false): Promise<Outcome> {
  const world = new World(seed, variant, traced);
  const { timeline, weather, source, target } = world;
  const strike = planIncidents(world);
  operate(world);
  source.start(0);
  target.start(0);
  timeline.at(10, () => source.migrate());
  const deadlineMs = weather.calmAtMs + SETTLE_MS;
  let lookAtMs = weather.calmAtMs;
  let steps = 0;
  const end = (violation?: string): Outcome => ({
    seed,
    ...(violation === undefined ? {} : { violation }),
    outcome: outcomeOf(world),
    steps,
    trace: world.trace ?? [],
  });
  try {
    while (timeline.step(deadlineMs)) {
      await turn();
      strike(steps);
      steps += 1;
      const rule = brokenRule(world);
      if (rule) return end(rule);
      if (timeline.nowMs < lookAtMs) continue;
      if (unsettled(world).length === 0) return end();
      lookAtMs = timeline.nowMs + LOOK_MS;
    }
  } catch (error) {
    return end(`exception: ${(error as Error).message}`);
  }
  const left = unsettled(world);
  return left.length === 0 ? end() : end(`nothing changes any more, but ${left.join('; ')}`);
}

/** Lets everything go on that can go on without anything from outside. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
