import { COMPONENTS } from '../load.ts';
import { assign } from './assign.ts';
import { lowerBound } from './bound.ts';
import {
  added,
  type Misplaced,
  misplacedOf,
  type Problem,
  peakOf,
  problemOf,
  type Refused,
} from './problem.ts';
import type { BalanceMove, Here, Movable, Neighbour } from './words.ts';

/** What is gained is counted for this long: nobody knows the load beyond. */
const HORIZON_MS = 600_000;
/**
 * A plan takes at least this part off the fullest node. More than what the search leaves (TOLERANCE), so that nobody undoes, for
 * the rest, what another node has just planned.
 */
const MIN_SHARE = 0.06;
/** What a move costs beyond its bytes: auctions, pre-flight, the freeze. */
const FIXED_MS = 1_000;
/** A container that may not be where it is counts as much as a whole node. */
const MISPLACED_GAIN = 1;
/** What it is worth to a group that its wish to be together, or apart, is kept. */
export const WISH_GAIN = 0.15;

export interface PlanLimits {
  readonly refused: Refused;
  /** What all of it together must gain at least, 1 is a whole node. */
  readonly minGain: number;
  /** To be emptier than this is no gain: some other node is as full anyway. */
  readonly floor: number;
}

/**
 * The moves that make the fullest of this node and those that take something as empty as can be, in the order in which they help
 * most, and no more of them than what is gained pays for: the time by which they keep both nodes busy must be less than what they
 * take off the fullest node in ten minutes. Pure.
 */
export function planMoves(
  all: Here,
  neighbours: readonly Neighbour[],
  { refused, minGain, floor }: PlanLimits,
): BalanceMove[] {
  const misplaced = misplacedOf(all);
  const here = { ...all, movable: all.movable.filter((one) => !isTied(one, all)) };
  const problem = problemOf(here, neighbours, { refused, misplaced });
  const full = peakOf(problem.weights.reduce((load, at) => added(load, at[0]!), [...problem.base[0]!]));
  const least = Math.max(minGain, MIN_SHARE * full);
  // Most looks find nothing, and then little is searched.
  const ceiling = misplaced.size === 0 ? full - least : Number.POSITIVE_INFINITY;
  if (Math.max(floor, lowerBound(problem)) > ceiling) return [];
  // Where groups cannot be kept apart, or not all find room that may not be here, the rest is balanced all the same; who may not
  // go where is refused by its bid.
  const together = { ...problem, apart: problem.apart.map(() => undefined) };
  const staying = { ...together, allowed: problem.allowed.map((places) => [...new Set([0, ...places])]) };
  const spread = (one: Problem) => assign(one, floor, ceiling);
  const places = spread(problem) ?? spread(together) ?? spread(staying) ?? [];
  const steps = ordered({ here, neighbours, problem, misplaced, floor }, places);
  const count = worthwhile(steps, (container) => WISH_GAIN * (wishesToStay(container, all) ? 1 : 0));
  const gained = steps.slice(0, count).reduce((sum, { gain }) => sum + gain, 0);
  return gained >= least ? steps.slice(0, count) : [];
}

/** The group as a whole would have to go. */
function isTied(one: Movable, here: Here): boolean {
  return one.placement?.together === 'require' && hasCompany(one, here);
}

function wishesToStay(container: string, here: Here): boolean {
  return here.movable.some(
    (one) => one.container === container && one.placement?.together === 'prefer' && hasCompany(one, here),
  );
}

function hasCompany({ container, placement }: Movable, { movable, fixedGroups }: Here): boolean {
  const { group } = placement ?? {};
  if (group === undefined) return false;
  const others = movable.some((one) => one.container !== container && one.placement?.group === group);
  return others || fixedGroups.includes(group);
}

interface Scene {
  readonly here: Here;
  readonly neighbours: readonly Neighbour[];
  readonly problem: Problem;
  readonly misplaced: Misplaced;
  readonly floor: number;
}

/** Each move after the one that helps more. */
function ordered(scene: Scene, places: readonly number[]): BalanceMove[] {
  const { problem, misplaced, here, floor } = scene;
  const loads = problem.base.map((load) => [...load]);
  for (const at of problem.weights) loads[0] = added(loads[0]!, at[0]!);
  const open = new Set(places.flatMap((place, one) => (place === 0 ? [] : [one])));
  const after = (one: number) => ({
    source: added(loads[0]!, problem.weights[one]![0]!, -1),
    target: added(loads[places[one]!]!, problem.weights[one]![places[one]!]!),
  });
  const rank = (one: number) => {
    const { source, target } = after(one);
    return (
      (misplaced.has(here.movable[one]!.container) ? -MISPLACED_GAIN : 0) +
      Math.max(peakOf(source), peakOf(target))
    );
  };
  const steps: BalanceMove[] = [];
  const received = new Set<number>();
  const peak = () =>
    Math.max(floor, peakOf(loads[0]!), ...[...received].map((place) => peakOf(loads[place]!)));
  while (open.size > 0) {
    const [one] = [...open].sort((a, b) => rank(a) - rank(b) || a - b) as [number];
    const place = places[one]!;
    const before = { loads: [loads[0]!, loads[place]!], peak: peak() };
    const { source, target } = after(one);
    [loads[0], loads[place]] = [source, target];
    received.add(place);
    open.delete(one);
    steps.push(moveOf(scene, one, place, { before, after: { loads: [source, target], peak: peak() } }));
  }
  return steps;
}

interface Moment {
  readonly loads: readonly (readonly number[])[];
  readonly peak: number;
}

function moveOf(
  { here, neighbours, misplaced }: Scene,
  one: number,
  place: number,
  { before, after }: { readonly before: Moment; readonly after: Moment },
): BalanceMove {
  const { container, usage, memoryBytes, costMs } = here.movable[one]!;
  const target = neighbours[place - 1]!.node;
  const [mine] = before.loads as [readonly number[]];
  const component = COMPONENTS[mine.indexOf(peakOf(mine))]!;
  const peaks = ({ loads: [source = [], other = []] }: Moment) => ({
    source: rounded(peakOf(source)),
    target: rounded(peakOf(other)),
  });
  const [was, is] = [peaks(before), peaks(after)];
  const why = misplaced.get(container);
  return {
    container,
    source: here.node,
    target,
    component,
    before: was,
    after: is,
    gain: rounded(before.peak - after.peak + (why === undefined ? 0 : MISPLACED_GAIN)),
    usage,
    memoryBytes,
    costMs: Math.round(costMs),
    reason:
      why ??
      `${here.node} is at ${percent(was.source)} (${component}), ${target} at ${percent(was.target)}; ` +
        `afterwards ${percent(is.source)} and ${percent(is.target)}`,
  };

  function rounded(value: number): number {
    return Math.round(value * 10_000) / 10_000;
  }
}

/** How many of the first moves are best made: what each gains for ten minutes, less what it costs. */
function worthwhile(steps: readonly BalanceMove[], lost: (container: string) => number): number {
  let [best, count, net] = [0, 0, 0];
  for (const [i, { container, gain, costMs }] of steps.entries()) {
    net += (gain - lost(container)) * HORIZON_MS - costMs - FIXED_MS;
    if (net > best) [best, count] = [net, i + 1];
  }
  return count;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
