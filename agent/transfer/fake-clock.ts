import type { Clock } from '../effects/clock.ts';

/** A clock for tests that moves only when told; timers run in the order of their times. */
export class FakeClock implements Clock {
  private time = 0;
  private timers: { readonly atMs: number; readonly action: () => void }[] = [];

  nowMs(): number {
    return this.time;
  }

  monotonicMs(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  after(ms: number, action: () => void): () => void {
    const timer = { atMs: this.time + ms, action };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Timers that are set. */
  get pending(): number {
    return this.timers.length;
  }

  /** Moves on by `ms`, running what becomes due on the way and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.time + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.time = Math.max(this.time, due.atMs);
      due.action();
      await settled();
    }
    this.time = untilMs;
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
