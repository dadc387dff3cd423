/** Time constant of the average: what is older than a few seconds hardly counts. */
const TAU_MS = 1_000;
/** The start of a transfer says little: the first estimate looks at this much time at least. */
const FIRST_MS = 20;

/**
 * An exponentially weighted rate of events that come at any distance. It is corrected for its start (an average over
 * time in which nothing could have been counted yet would be too low). Pure: the caller says what time it is.
 */
export class RateEstimate {
  private weightedBytes = 0;
  private startMs: number | undefined;
  private atMs = 0;

  /** Counts bytes that pass at `nowMs` (monotonic). */
  add(bytes: number, nowMs: number): void {
    this.startMs ??= nowMs;
    this.weightedBytes = this.decayed(nowMs) + bytes;
    this.atMs = Math.max(this.atMs, nowMs);
  }

  /** Bytes per second as of `nowMs`; falls towards 0 while nothing passes. */
  at(nowMs: number): number {
    if (this.startMs === undefined) return 0;
    const seen = 1 - Math.exp(-Math.max(FIRST_MS, nowMs - this.startMs) / TAU_MS);
    return this.decayed(nowMs) / (TAU_MS / 1000) / seen;
  }

  private decayed(nowMs: number): number {
    return this.weightedBytes * Math.exp(-Math.max(0, nowMs - this.atMs) / TAU_MS);
  }
}
