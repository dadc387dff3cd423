import type { Clock } from '../../../agent/effects/clock.ts';
import type { Timeline } from '../timeline.ts';

/**
 * One start of an agent. Whatever it waits for comes through here, so that nothing reaches a dead one, and a stopped one
 * (SIGSTOP) only when it goes on.
 */
export class Life {
  private readonly timeline: Timeline;
  private readonly stoppedUntilMs: () => number;
  private over = false;

  constructor(timeline: Timeline, stoppedUntilMs: () => number) {
    this.timeline = timeline;
    this.stoppedUntilMs = stoppedUntilMs;
  }

  get ended(): boolean {
    return this.over;
  }

  end(): void {
    this.over = true;
  }

  /** Does it after a while, if this agent still lives then. */
  after(delayMs: number, action: () => void): void {
    this.timeline.at(delayMs, () => this.now(action));
  }

  /** Does it now, or when the agent goes on. */
  now(action: () => void): void {
    if (this.over) return;
    const leftMs = this.stoppedUntilMs() - this.timeline.nowMs;
    if (leftMs > 0) return this.after(leftMs, action);
    action();
  }

  /** A step outside of the agent that takes this long; without it when the agent dies first. */
  step<Result>(delayMs: number, act: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.after(delayMs, () => {
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

/** An agent's clock that runs by this much too fast or too slow. */
export function driftingClock(life: Life, timeline: Timeline, drift: number): Clock {
  const nowMs = () => timeline.nowMs * drift;
  return {
    nowMs,
    monotonicMs: nowMs,
    sleep: (ms) => new Promise((resolve) => life.after(ms / drift, resolve)),
    after: (ms, action) => {
      let cancelled = false;
      life.after(ms / drift, () => {
        if (!cancelled) action();
      });
      return () => {
        cancelled = true;
      };
    },
  };
}
