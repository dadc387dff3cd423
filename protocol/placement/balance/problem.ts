import { COMPONENTS, loadOf, plus } from '../load.ts';
import type { Here, Movable, Neighbour } from './words.ts';

/** Place 0 is the node that balances, the others are its neighbours. Loads are numbers in the order of COMPONENTS. */
export interface Problem {
  /** Load of each place without the containers that may move. */
  readonly base: readonly (readonly number[])[];
  /** What each container is at each place. */
  readonly weights: readonly (readonly (readonly number[])[])[];
  /** Where each container may be. */
  readonly allowed: readonly (readonly number[])[];
  /** Memory that each container needs, and each place has. */
  readonly bytes: readonly number[];
  readonly room: readonly number[];
  /** Its group, where no place may have two of it. */
  readonly apart: readonly (string | undefined)[];
  readonly costs: readonly number[];
}

/** Why a container may not stay where it is. */
export type Misplaced = ReadonlyMap<string, string>;

/** Moves that were refused, as `container target`. */
export type Refused = ReadonlySet<string>;

export function pairOf(container: string, target: string): string {
  return `${container} ${target}`;
}

export function problemOf(
  here: Here,
  neighbours: readonly Neighbour[],
  { refused, misplaced }: { readonly refused: Refused; readonly misplaced: Misplaced },
): Problem {
  const { movable, capacity } = here;
  const own = movable.reduce((load, { usage }) => plus(load, loadOf(usage, capacity), -1), here.load);
  return {
    base: [numbers(own), ...neighbours.map(({ load }) => numbers(load))],
    weights: movable.map(({ usage }) =>
      [here, ...neighbours].map((place) => numbers(loadOf(usage, place.capacity))),
    ),
    allowed: movable.map((one) => {
      const away = neighbours.flatMap((place, i) => (takes(place, one, refused) ? [i + 1] : []));
      return misplaced.has(one.container) && away.length > 0 ? away : [0, ...away];
    }),
    bytes: movable.map(({ memoryBytes }) => memoryBytes),
    room: [Number.POSITIVE_INFINITY, ...neighbours.map((place) => place.memoryAvailableBytes)],
    apart: movable.map(({ placement }) => (placement?.apart === 'require' ? placement.group : undefined)),
    costs: movable.map(({ costMs }) => costMs),
  };
}

/** Containers that should not be here at all: a label is missing, or another one of their group is here. */
export function misplacedOf({ node, labels, movable, fixedGroups }: Here): Misplaced {
  const found = new Map<string, string>();
  const taken = new Set(fixedGroups);
  for (const { container, placement } of movable) {
    const { group, apart } = placement ?? {};
    const missing = missingLabels(labels, placement?.require);
    if (missing.length > 0) found.set(container, `${node} lacks ${missing.join(', ')}`);
    else if (apart === 'require' && group !== undefined) {
      if (taken.has(group)) found.set(container, `another one of group ${group} is on ${node}`);
      taken.add(group);
    }
  }
  return found;
}

export function peakOf(load: readonly number[]): number {
  return Math.max(...load);
}

export function added(load: readonly number[], more: readonly number[], factor = 1): number[] {
  return load.map((value, i) => value + factor * more[i]!);
}

function takes(place: Neighbour, { container, placement, memoryBytes }: Movable, refused: Refused): boolean {
  return (
    !refused.has(pairOf(container, place.node)) &&
    memoryBytes <= place.memoryAvailableBytes &&
    missingLabels(place.labels, placement?.require).length === 0
  );
}

function missingLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> = {},
): string[] {
  return Object.entries(wanted).flatMap(([name, value]) =>
    labels[name] === value ? [] : [`${name}=${value}`],
  );
}

function numbers(load: Readonly<Record<(typeof COMPONENTS)[number], number>>): number[] {
  return COMPONENTS.map((component) => load[component]);
}
