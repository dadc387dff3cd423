import { added, type Problem, peakOf } from './problem.ts';

const HALVINGS = 40;

/** A peak that no assignment gets below: what flows like water would reach it, and so would the largest container alone. */
export function lowerBound(problem: Problem): number {
  const { base, weights, allowed } = problem;
  const single = weights.map((places, one) =>
    Math.min(...allowed[one]!.map((place) => peakOf(added(base[place]!, places[place]!)))),
  );
  const components = base[0]!.map((_value, component) => waterLevel(problem, component));
  return Math.max(peakOf(base[0]!), ...single, ...components);
}

/** The level at which all that is above it somewhere would find room elsewhere, could it be cut. */
function waterLevel({ base, weights }: Problem, component: number): number {
  const [bases, whole] = [
    base.map((load) => load[component]!),
    weights.map((at) => at.map((w) => w[component]!)),
  ];
  // In units of this node: what is 1 here is less on a larger one.
  const scale = bases.map((_base, place) => {
    const one = whole.find((at) => at[0]! > 0 && at[place]! > 0);
    return one ? one[0]! / one[place]! : 0;
  });
  const total = whole.reduce((sum, at) => sum + at[0]!, 0);
  let [low, high] = [bases[0]!, bases[0]! + total];
  for (let i = 0; i < HALVINGS; i++) {
    const level = (low + high) / 2;
    const takes = bases.reduce((sum, at, place) => sum + scale[place]! * Math.max(0, level - at), 0);
    if (takes >= total) high = level;
    else low = level;
  }
  return low;
}
