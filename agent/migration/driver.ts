import type { Step } from '../../protocol/mod.ts';

/**
 * Runs one half of the handover: feeds events to its pure core and performs the effects, each on its own, so that an
 * abort is heard while a dump goes on. What an effect learns comes back as events.
 */
export class Driver<State, Event, Effect extends { readonly kind: string }> {
  private now: State;
  private readonly step: (state: State, event: Event) => Step<State, Effect>;
  private readonly perform: (effect: Effect) => Promise<void>;
  private readonly broke: (effect: Effect, error: unknown) => void;
  private readonly before: (effect: Effect) => Promise<void> | undefined;

  /** `broke` is told of an effect that threw; it decides which event that is. */
  constructor(options: {
    readonly start: State;
    readonly step: (state: State, event: Event) => Step<State, Effect>;
    readonly perform: (effect: Effect) => Promise<void>;
    readonly broke: (effect: Effect, error: unknown) => void;
    readonly before: (effect: Effect) => Promise<void> | undefined;
  }) {
    this.now = options.start;
    this.step = options.step;
    this.perform = options.perform;
    this.broke = options.broke;
    this.before = options.before;
  }

  get state(): State {
    return this.now;
  }

  feed(event: Event): void {
    const { state, effects } = this.step(this.now, event);
    this.now = state;
    for (const effect of effects) {
      const struck = this.before(effect);
      const performed = struck === undefined ? this.perform(effect) : struck.then(() => this.perform(effect));
      performed.catch((error: unknown) => this.broke(effect, error));
    }
  }
}
