import { lowerBound } from './bound.ts';
import { type Problem, peakOf } from './problem.ts';
import { Seats } from './seats.ts';

/** Where each container is to be: the index of its place, 0 for where it is. */
export type Assignment = readonly number[];

/** Steps of one search: some ten milliseconds, for which the agent does nothing else. */
const STEPS = 3_000;
/** So near to what cannot be beaten nobody looks further. */
const NEAR = 1.005;
/** A move less is worth a peak that is this much higher. */
const TOLERANCE = 1.03;

/**
 * Spreads the containers so that the fullest of the places that take part is as empty as can be, give or take three hundredths, and
 * with as few moves as that needs: branch and bound from a good guess, exact for what is small. Pure. Undefined: there is no
 * assignment that all rules allow.
 * @param floor a peak that is low enough
 * @param ceiling a peak that is no better than to stay
 */
export function assign(problem: Problem, floor: number, ceiling: number): Assignment | undefined {
  const guess = improved(problem, greedy(problem));
  const lowest = lowestPeak(problem, guess, { floor, ceiling });
  if (!lowest) return undefined;
  const stay = problem.allowed.map(() => 0);
  const peak = Seats.of(problem, lowest).peak();
  const limit = peak < ceiling ? Math.max(floor, TOLERANCE * peak) : Number.POSITIVE_INFINITY;
  if (Seats.fits(problem, stay, limit)) return stay;
  return evened(problem, fewestMoves(problem, lowest, limit), limit);
}

/** The largest first, each to where it makes the lowest peak. */
function greedy(problem: Problem): Assignment | undefined {
  const seats = new Seats(problem);
  for (const one of bySize(problem)) {
    const places = seats.open(one).sort((a, b) => seats.peakWith(one, a) - seats.peakWith(one, b) || a - b);
    const [best] = places;
    if (best === undefined) return undefined;
    seats.put(one, best);
  }
  return seats.assignment();
}

/** Takes one container away from the fullest place, or exchanges it for another, as long as that helps. */
function improved(problem: Problem, start: Assignment | undefined): Assignment | undefined {
  if (!start) return undefined;
  const seats = Seats.of(problem, start);
  for (let round = 0; round < 4 * start.length; round++) {
    const change = bestChange(seats, problem.weights.length);
    if (!change) break;
    change.make();
  }
  return seats.assignment();
}

function bestChange(seats: Seats, count: number): { readonly make: () => void } | undefined {
  const { place: full, peak } = seats.fullest();
  let best: { readonly peak: number; readonly make: () => void } | undefined;
  const offer = (after: number, make: () => void) => {
    if (after < (best?.peak ?? peak) - 1e-9) best = { peak: after, make };
  };
  for (const one of seats.at(full)) {
    seats.take(one);
    for (const place of seats.open(one)) {
      if (place === full) continue;
      offer(Math.max(seats.peakAt(full), seats.peakWith(one, place)), () => {
        seats.take(one);
        seats.put(one, place);
      });
    }
    seats.put(one, full);
    for (let other = 0; other < count; other++) {
      const place = seats.placeOf(other);
      if (place === full || place === undefined) continue;
      seats.take(one);
      seats.take(other);
      const fits = seats.open(one).includes(place) && seats.open(other).includes(full);
      if (fits)
        offer(Math.max(seats.peakWith(one, place), seats.peakWith(other, full)), () => {
          seats.take(one);
          seats.take(other);
          seats.put(one, place);
          seats.put(other, full);
        });
      seats.put(one, full);
      seats.put(other, place);
    }
  }
  return best;
}

function lowestPeak(
  problem: Problem,
  guess: Assignment | undefined,
  { floor, ceiling }: { readonly floor: number; readonly ceiling: number },
): Assignment | undefined {
  const order = bySize(problem);
  const seats = new Seats(problem);
  const enough = Math.max(NEAR * lowerBound(problem), floor / TOLERANCE);
  let best = guess;
  let bestPeak = Math.min(ceiling, guess ? Seats.of(problem, guess).peak() : Number.POSITIVE_INFINITY);
  let steps = STEPS;
  const descend = (at: number, peak: number): void => {
    const one = order[at];
    if (one === undefined) {
      best = seats.assignment();
      bestPeak = peak;
      return;
    }
    const places = seats
      .open(one)
      .map((place) => ({ place, peak: Math.max(peak, seats.peakWith(one, place)) }))
      .sort((a, b) => a.peak - b.peak || a.place - b.place);
    for (const next of places) {
      if (next.peak >= bestPeak - 1e-12 || bestPeak <= enough || steps-- <= 0) return;
      seats.put(one, next.place);
      descend(at + 1, next.peak);
      seats.take(one);
    }
  };
  descend(0, peakOf(problem.base[0]!));
  return best;
}

/** Of the assignments that keep to the limit one with the fewest moves, and of these the cheapest. */
function fewestMoves(problem: Problem, start: Assignment, limit: number): Assignment {
  const order = bySize(problem);
  const seats = new Seats(problem);
  const price = (moves: number, costMs: number) => moves + costMs / 1e12;
  let best = withReturns(problem, start, limit);
  let bestPrice = best.reduce((sum, place, i) => sum + (place === 0 ? 0 : price(1, problem.costs[i]!)), 0);
  let steps = STEPS;
  const descend = (at: number, paid: number): void => {
    const one = order[at];
    if (one === undefined) {
      best = seats.assignment();
      bestPrice = paid;
      return;
    }
    const places = seats
      .open(one)
      .map((place) => ({ place, peak: seats.peakWith(one, place) }))
      .filter(({ peak }) => peak <= limit)
      .sort((a, b) => Math.sign(a.place) - Math.sign(b.place) || a.peak - b.peak || a.place - b.place);
    for (const { place } of places) {
      const after = paid + (place === 0 ? 0 : price(1, problem.costs[one]!));
      if (after >= bestPrice - 1e-15 || steps-- <= 0) continue;
      seats.put(one, place);
      descend(at + 1, after);
      seats.take(one);
    }
  };
  descend(0, 0);
  return best;
}

/** Who need not have moved for the limit stays, the dearest first. */
function withReturns(problem: Problem, start: Assignment, limit: number): Assignment {
  const seats = Seats.of(problem, start);
  const dearest = start.map((_place, i) => i).sort((a, b) => problem.costs[b]! - problem.costs[a]! || a - b);
  for (const one of dearest) {
    const place = seats.placeOf(one);
    if (place === undefined || place === 0 || !problem.allowed[one]!.includes(0)) continue;
    seats.take(one);
    const stays = seats.open(one).includes(0) && seats.peakWith(one, 0) <= limit;
    seats.put(one, stays ? 0 : place);
  }
  return seats.assignment();
}

/** What moves anyway goes to where it leaves the other places most even: else their nodes would soon move it on. */
function evened(problem: Problem, start: Assignment, limit: number): Assignment {
  const seats = Seats.of(problem, start);
  const moved = start.flatMap((place, one) => (place === 0 ? [] : [one]));
  const square = (place: number) => seats.peakAt(place) ** 2;
  let better = true;
  for (let round = 0; better && round < moved.length; round++) {
    better = false;
    for (const one of moved) {
      const from = seats.placeOf(one)!;
      const before = square(from);
      seats.take(one);
      const cost = (place: number) => seats.peakWith(one, place) ** 2 - square(place);
      const [best = from] = seats
        .open(one)
        .filter((place) => place !== 0 && seats.peakWith(one, place) <= limit)
        .sort((a, b) => cost(a) - cost(b) || a - b);
      const to = cost(best) < before - square(from) - 1e-9 ? best : from;
      seats.put(one, to);
      better ||= to !== from;
    }
  }
  return seats.assignment();
}

function bySize({ weights }: Problem): number[] {
  return weights
    .map((_weight, i) => i)
    .sort((a, b) => peakOf(weights[b]![0]!) - peakOf(weights[a]![0]!) || a - b);
}
