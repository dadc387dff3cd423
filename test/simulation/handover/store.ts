import type { CasResult, Records, Versioned } from '../../../agent/bus/bus.ts';
import { type ContainerRecord, GodwitError } from '../../../protocol/mod.ts';
import type { Timeline } from '../timeline.ts';
import type { Chance } from './chance.ts';
import type { Life } from './life.ts';
import type { Place, Weather } from './weather.ts';

/** An agent waits this long for an answer of the store. */
const TIMEOUT_MS = 5_000;

/** The one record, with everything that can happen on the way to a replicated store. */
export class Store {
  readonly history: Versioned[];
  /** Somebody forgot the condition of a write. */
  unconditional = false;
  private readonly timeline: Timeline;
  private readonly chance: Chance;
  private readonly weather: Weather;
  private readonly note: (text: string) => void;

  constructor(
    world: {
      readonly timeline: Timeline;
      readonly chance: Chance;
      readonly weather: Weather;
      readonly note: (who: string, text: () => string) => void;
    },
    record: ContainerRecord,
  ) {
    this.timeline = world.timeline;
    this.chance = world.chance;
    this.weather = world.weather;
    this.note = (text) => world.note('store', () => text);
    this.history = [{ record, revision: 7 }];
  }

  get truth(): Versioned {
    return this.history.at(-1) as Versioned;
  }

  /** The store as one agent sees it. */
  seenBy(place: Place, life: Life): Records {
    const unused = () => Promise.reject(new GodwitError('INTERNAL', { problem: 'not simulated' }));
    return {
      get: () => this.get(place, life),
      update: (record, revision) => this.update(place, life, record, revision),
      list: unused,
      create: unused,
      remove: unused,
      watch: unused,
    };
  }

  private get(place: Place, life: Life): Promise<Versioned | undefined> {
    const { chance, weather } = this;
    if (!weather.reaches(place, 'store') || chance.hits(weather.loss)) return this.unavailable(life);
    return life.step(weather.latencyMs(), () => {
      const age = chance.hits(weather.stale) ? 1 + Math.floor(chance.next() * 3) : 0;
      return this.history.at(-1 - age) ?? this.history[0];
    });
  }

  private update(place: Place, life: Life, record: ContainerRecord, revision: number): Promise<CasResult> {
    const { chance, weather, timeline } = this;
    if (!weather.reaches(place, 'store') && chance.hits(0.5)) return this.unavailable(life);
    return new Promise((resolve) => {
      const answer = (result: CasResult): void => resolve(result);
      life.after(TIMEOUT_MS, () => answer({ status: 'unknown', problem: 'no answer' }));
      if (!weather.reaches(place, 'store') || chance.hits(weather.loss)) return;
      const arriveMs = chance.hits(weather.slow) ? weather.longMs() : weather.latencyMs();
      timeline.at(arriveMs, () => {
        const result = this.apply(record, revision, place);
        if (!weather.reaches('store', place) || chance.hits(weather.loss)) return;
        life.after(weather.latencyMs(), () => answer(result));
      });
    });
  }

  private apply(record: ContainerRecord, revision: number, place: Place): CasResult {
    const { truth } = this;
    const what = `${place} writes ${record.owner}, epoch ${record.epoch}, ${record.phase}${record.job ? ', in the move' : ''} at ${revision}`;
    if (truth.revision !== revision && !this.unconditional) {
      this.note(`${what}: conflict, it is at ${truth.revision}`);
      return { status: 'conflict' };
    }
    this.history.push({ record, revision: truth.revision + 1 });
    this.note(`${what}: applied as ${truth.revision + 1}`);
    return { status: 'ok', revision: truth.revision + 1 };
  }

  private async unavailable(life: Life): Promise<never> {
    await life.step(this.weather.latencyMs(), () => {});
    throw new GodwitError('STORE_UNAVAILABLE', { problem: 'simulated' });
  }
}
