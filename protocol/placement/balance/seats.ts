import { added, type Problem, peakOf } from './problem.ts';

/** Who is where while an assignment is looked for; what is put is taken again. */
export class Seats {
  private readonly problem: Problem;
  private readonly loads: number[][];
  private readonly room: number[];
  private readonly places: (number | undefined)[];
  private readonly sitting: Set<number>[];

  constructor(problem: Problem) {
    this.problem = problem;
    this.loads = problem.base.map((load) => [...load]);
    this.room = [...problem.room];
    this.places = problem.weights.map(() => undefined);
    this.sitting = problem.base.map(() => new Set());
  }

  static of(problem: Problem, places: readonly number[]): Seats {
    const seats = new Seats(problem);
    for (const [one, place] of places.entries()) seats.put(one, place);
    return seats;
  }

  /** Whether these are places that all rules allow, none of them fuller than that. */
  static fits(problem: Problem, places: readonly number[], limit: number): boolean {
    const seats = new Seats(problem);
    for (const [one, place] of places.entries()) {
      if (!seats.open(one).includes(place)) return false;
      seats.put(one, place);
    }
    return seats.peak() <= limit;
  }

  /** Places that it may be put to now. */
  open(one: number): number[] {
    const { allowed, bytes, apart } = this.problem;
    const group = apart[one];
    return allowed[one]!.filter(
      (place) =>
        (place === 0 || this.room[place]! >= bytes[one]!) &&
        (group === undefined || ![...this.sitting[place]!].some((other) => apart[other] === group)),
    );
  }

  put(one: number, place: number): void {
    this.change(one, place, 1);
    this.places[one] = place;
    this.sitting[place]!.add(one);
  }

  take(one: number): void {
    const place = this.places[one];
    if (place === undefined) return;
    this.change(one, place, -1);
    this.places[one] = undefined;
    this.sitting[place]!.delete(one);
  }

  placeOf(one: number): number | undefined {
    return this.places[one];
  }

  at(place: number): number[] {
    return [...this.sitting[place]!];
  }

  peakAt(place: number): number {
    return peakOf(this.loads[place]!);
  }

  peakWith(one: number, place: number): number {
    return peakOf(added(this.loads[place]!, this.problem.weights[one]![place]!));
  }

  /** Of the places that take part: this node, and whoever gets something. */
  fullest(): { readonly place: number; readonly peak: number } {
    let found = { place: 0, peak: this.peakAt(0) };
    for (const [place, here] of this.sitting.entries())
      if (here.size > 0 && this.peakAt(place) > found.peak) found = { place, peak: this.peakAt(place) };
    return found;
  }

  peak(): number {
    return this.fullest().peak;
  }

  assignment(): number[] {
    return this.places.map((place) => place ?? 0);
  }

  private change(one: number, place: number, factor: number): void {
    this.loads[place] = added(this.loads[place]!, this.problem.weights[one]![place]!, factor);
    this.room[place]! -= factor * this.problem.bytes[one]!;
  }
}
