/** A time without any reply. Start and end are Unix milliseconds of this machine's wall clock. */
export interface Gap {
  readonly startMs: number;
  readonly endMs: number;
  readonly ms: number;
}

/** Gaps kept for the verdict. */
const KEPT = 1_000;

/** Measures how long replies are waited for; the client's own pauses do not count. */
export class GapMeter {
  private readonly noteMs: number;
  private readonly noted: (gap: Gap) => void;
  private asking: { readonly ms: number; readonly wallMs: number } | undefined;
  /** The longest so far. */
  largest: Gap = { startMs: 0, endMs: 0, ms: 0 };
  /** Those of `noteMs` and more, in order. */
  readonly gaps: Gap[] = [];

  constructor(noteMs: number, noted: (gap: Gap) => void) {
    this.noteMs = noteMs;
    this.noted = noted;
  }

  /** A command is sent now, none other is on its way. */
  asked(): void {
    this.asking = { ms: performance.now(), wallMs: Date.now() };
  }

  /** A reply came; counts when {@link asked} was called for it. */
  replied(): void {
    const { asking } = this;
    if (!asking) return;
    this.asking = undefined;
    const ms = Math.round((performance.now() - asking.ms) * 10) / 10;
    const gap = { startMs: asking.wallMs, endMs: Date.now(), ms };
    if (ms > this.largest.ms) this.largest = gap;
    if (ms < this.noteMs) return;
    if (this.gaps.length < KEPT) this.gaps.push(gap);
    this.noted(gap);
  }
}
