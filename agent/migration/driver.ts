import type { Step } from '../../protocol/mod.ts';

/**
 * Runs one half of the handover: feeds events to its pure core and performs the effects, each on its own, so that an
 * abort is heard while a dump goes on. What an effect learns comes back as events.
 *
 * An effect begins in the same turn as its step: nothing may come between, or an undo could be over before the dump it
 * undoes has begun. So what is written down before it is written synchronously.
 */
export class Driver<State, Event, Effect extends { readonly kind: string }> {
  private now: State;
  private readonly step: (state: State, event: Event) => Step<State, Effect>;
  private readonly perform: (effect: Effect) => Promise<void>;
  private readonly broke: (effect: Effect, error: unknown) => void;
  private readonly before: (effect: Effect) => Promise<void> | undefined;
  private readonly persist: (state: State) => void;

  /**
   * `broke` is told of an effect that threw; it decides which event that is. `persist` writes the state down before the
   * effects of its step begin; when it throws the step is not made, and whoever fed the event hears of it.
   */
  constructor(options: {
    readonly start: State;
    readonly step: (state: State, event: Event) => Step<State, Effect>;
    readonly perform: (effect: Effect) => Promise<void>;
    readonly broke: (effect: Effect, error: unknown) => void;
    readonly before: (effect: Effect) => Promise<void> | undefined;
    readonly persist?: (state: State) => void;
  }) {
    this.now = options.start;
    this.step = options.step;
    this.perform = options.perform;
    this.broke = options.broke;
    this.before = options.before;
    this.persist = options.persist ?? (() => {});
  }

  get state(): State {
    return this.now;
  }

  feed(event: Event): void {
    this.enter(this.step(this.now, event));
  }

  /** Goes on from a step that was made elsewhere: the recovery of a move that an agent left behind. */
  enter({ state, effects }: Step<State, Effect>): void {
    if (state !== this.now) this.persist(state);
    this.now = state;
    for (const effect of effects) {
      const struck = this.before(effect);
      const performed = struck === undefined ? this.perform(effect) : struck.then(() => this.perform(effect));
      performed.catch((error: unknown) => this.broke(effect, error));
    }
  }
}
