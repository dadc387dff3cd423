import type { Timeline } from '../timeline.ts';
import type { Chance } from './chance.ts';

export type Place = 'S' | 'T' | 'store' | 'operator';

/** Everything ends by then that the weather does; what is on its way arrives. */
const CALM_MS = { low: 6_000, high: 60_000 };

/** How bad it is out there in one run: what a message can meet on its way. */
export class Weather {
  /** From here on nothing goes wrong any more. */
  readonly calmAtMs: number;
  /** Nothing at all goes wrong. */
  readonly fair: boolean;
  private readonly timeline: Timeline;
  private readonly chance: Chance;
  private readonly rough: { loss: number; twice: number; slow: number; stale: number };
  private readonly cuts = new Map<string, number>();

  constructor(timeline: Timeline, chance: Chance, fair: boolean) {
    this.timeline = timeline;
    this.chance = chance;
    this.fair = fair;
    this.calmAtMs = fair ? 2_000 : chance.skewed(CALM_MS.low, CALM_MS.high);
    const some = (worst: number) => (fair || chance.hits(0.4) ? 0 : chance.next() * worst);
    this.rough = { loss: some(0.4), twice: some(0.3), slow: some(0.4), stale: some(0.8) };
  }

  get calm(): boolean {
    return this.timeline.nowMs >= this.calmAtMs;
  }

  /** Probabilities: a message is lost, comes twice, comes late; a read shows an older revision. */
  get loss(): number {
    return this.calm ? 0 : this.rough.loss;
  }

  get twice(): number {
    return this.calm ? 0 : this.rough.twice;
  }

  get slow(): number {
    return this.calm ? 0 : this.rough.slow;
  }

  get stale(): number {
    return this.calm ? 0 : this.rough.stale;
  }

  latencyMs(): number {
    return this.chance.skewed(0.2, this.chance.hits(this.slow) ? 1_500 : 20);
  }

  /** Long enough for any time-out, and over before the calm. */
  longMs(): number {
    return this.chance.next() * Math.max(0, this.calmAtMs - this.timeline.nowMs);
  }

  /** Cuts one way through the network (or `data`, the streams between the nodes) for a while. */
  cut(way: string, forMs: number): void {
    this.cuts.set(way, Math.min(this.calmAtMs, this.timeline.nowMs + forMs));
  }

  /** A message on the bus reaches a node when neither of the two is cut off from it. */
  reaches(from: Place, to: Place): boolean {
    return this.open(from) && this.open(to);
  }

  open(way: string): boolean {
    return (this.cuts.get(way) ?? 0) <= this.timeline.nowMs;
  }
}
