import type { SourcePhase, TargetPhase } from '../../../protocol/mod.ts';
import { INCIDENTS } from './incidents.ts';
import type { World } from './world.ts';

const MOST = 6;
/** Most of a move is over by then; later incidents meet what is left of it. */
const EARLY_STEPS = 60;
/** What goes wrong often goes wrong together. */
const CLOSE_STEPS = 12;
/** Moments that last a few steps only, and would hardly be met by counting. */
const PHASES: readonly (SourcePhase | TargetPhase)[] = [
  'claiming',
  'freezing',
  'frozen',
  'committing',
  'settling',
  'asking',
  'committed',
  'resolving',
  'killing',
  'prepared',
  'aborting',
  'resuming',
  'filling',
  'filling',
  'closing',
  'undoing',
  'losing',
];

interface Planned {
  /** Strikes before this step; unknown until the phase was reached that it waits for. */
  atStep: number | undefined;
  readonly phase?: SourcePhase | TargetPhase;
  readonly strike: (world: World) => void;
}

/** Incidents by the step before which they strike: so they come between any two. */
export function planIncidents(world: World): (step: number) => void {
  const { chance, weather } = world;
  if (weather.fair) return () => {};
  const planned: Planned[] = [];
  while (planned.length < MOST && chance.hits(planned.length === 0 ? 0.95 : 0.7))
    planned.push(planOne(world, planned.at(-1)?.atStep));
  return (step) => {
    if (weather.calm) return;
    const phases = [world.source.move?.phase, world.target.move?.phase];
    for (const one of planned) {
      if (one.atStep === undefined && phases.includes(one.phase))
        one.atStep = step + Math.floor(chance.skewed(0, CLOSE_STEPS));
      if (one.atStep === step) one.strike(world);
    }
  };
}

function planOne({ chance }: World, last: number | undefined): Planned {
  const strike = chance.oneOf(INCIDENTS);
  if (chance.hits(0.5)) return { atStep: undefined, phase: chance.oneOf(PHASES), strike };
  const close = last !== undefined && chance.hits(0.5);
  const within = EARLY_STEPS * (chance.hits(0.9) ? 1 : 6);
  return { atStep: Math.floor(close ? last + chance.next() * CLOSE_STEPS : chance.next() * within), strike };
}
