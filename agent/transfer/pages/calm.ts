import type { Clock } from '../../effects/clock.ts';

/** So long after the last page that a task waited for. */
const CALM_MS = 100;
/**
 * But only so long after the first one: what a program touches before it does anything at all is over then, and one that
 * never stops waiting must not keep its source for ever.
 */
const BEGINNING_MS = 600;

/**
 * The first moments of tasks that run without their memory: each page that they wait for passes four processes on two
 * nodes, and what is fetched meanwhile for nobody takes the processors from them.
 */
export class Calm {
  private readonly clock: Clock;
  private readonly over: () => void;
  private firstMs: number | undefined;
  private untilMs = 0;
  private cancel: (() => void) | undefined;

  /** @param over called when it is over, if somebody asked before that */
  constructor(clock: Clock, over: () => void) {
    this.clock = clock;
    this.over = over;
  }

  /** A task waits for a page. */
  keep(): void {
    const nowMs = this.clock.monotonicMs();
    this.firstMs ??= nowMs;
    this.untilMs = Math.min(nowMs + CALM_MS, this.firstMs + BEGINNING_MS);
  }

  /** Nothing may be fetched for nobody now. */
  holds(): boolean {
    const leftMs = this.untilMs - this.clock.monotonicMs();
    if (leftMs <= 0) return false;
    this.cancel ??= this.clock.after(leftMs, () => {
      this.cancel = undefined;
      this.over();
    });
    return true;
  }

  close(): void {
    this.cancel?.();
  }
}
