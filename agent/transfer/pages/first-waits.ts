import type { Clock } from '../../effects/clock.ts';
import type { FirstPage } from './first-pages.ts';

/** After the first one, and so many at most: what a program touches before it does anything at all. */
const WITHIN_MS = 600;
const PAGES = 256;

/** Notes which pages tasks wait for first once they run without their memory. */
export class FirstWaits {
  private readonly clock: Clock;
  private readonly tell: (pages: readonly FirstPage[]) => void;
  private readonly pages: FirstPage[] = [];
  private cancel: (() => void) | undefined;
  private told = false;

  /** @param tell called once, with the pages in the order in which they were waited for */
  constructor(clock: Clock, tell: (pages: readonly FirstPage[]) => void) {
    this.clock = clock;
    this.tell = tell;
  }

  /** A task waits for this page. */
  note(pid: number, page: number): void {
    if (this.told) return;
    this.cancel ??= this.clock.after(WITHIN_MS, () => this.end());
    this.pages.push([pid, page]);
    if (this.pages.length === PAGES) this.end();
  }

  /** Nobody waits any more; what was noted so far is told. */
  end(): void {
    this.cancel?.();
    if (this.told || this.pages.length === 0) return;
    this.told = true;
    this.tell(this.pages);
  }
}
