/** Bytes that may pass at once are what the limit allows in this time, but at least {@link BURST_MIN_BYTES}. */
const BURST_MS = 50;
/** What waits for its turn should be in pieces of at most this. */
export const PIECE_BYTES = 64 * 1024;
/** Several pieces: with less, the credit of a timer that is late would be lost. */
const BURST_MIN_BYTES = 4 * PIECE_BYTES;

/**
 * A token bucket with strict credit: over any stretch of time t, at most limit x t plus one burst pass, where a burst
 * is the bucket's depth or one larger piece. Pure: the caller says what time it is, in monotonic milliseconds.
 */
export class TokenBucket {
  private perMs = Number.POSITIVE_INFINITY;
  private depth = Number.POSITIVE_INFINITY;
  private tokens = 0;
  private atMs: number;

  /** `limit` in bytes per second; undefined is unlimited, 0 lets nothing pass. The bucket starts full. */
  constructor(limit: number | undefined, nowMs: number) {
    this.atMs = nowMs;
    this.setLimit(limit, nowMs);
    this.tokens = this.depth;
  }

  /** Bytes that may pass at once after a rest. */
  get burstBytes(): number {
    return this.depth;
  }

  /** Changes the limit from now on; what was saved up to now is kept, as far as the new depth allows. */
  setLimit(limit: number | undefined, nowMs: number): void {
    this.fill(nowMs, this.depth);
    const wasUnlimited = this.depth === Number.POSITIVE_INFINITY;
    this.perMs = limit === undefined ? Number.POSITIVE_INFINITY : limit / 1000;
    this.depth =
      limit === undefined ? Number.POSITIVE_INFINITY : Math.max(BURST_MIN_BYTES, this.perMs * BURST_MS);
    this.tokens = wasUnlimited ? 0 : Math.min(this.tokens, this.depth);
  }

  /** Takes `bytes` if they may pass now. A piece larger than the bucket waits until all of it is paid. */
  take(bytes: number, nowMs: number): boolean {
    if (this.perMs === Number.POSITIVE_INFINITY) return true;
    if (this.perMs === 0) return false;
    this.fill(nowMs, Math.max(this.depth, bytes));
    if (this.tokens < bytes) return false;
    this.tokens -= bytes;
    return true;
  }

  /** What was taken did not pass after all. */
  giveBack(bytes: number): void {
    this.tokens = Math.min(this.depth, this.tokens + bytes);
  }

  /** Milliseconds until `bytes` may pass, if nobody else takes anything; infinite when nothing may pass. */
  waitMs(bytes: number, nowMs: number): number {
    if (this.perMs === Number.POSITIVE_INFINITY) return 0;
    if (this.perMs === 0) return Number.POSITIVE_INFINITY;
    this.fill(nowMs, Math.max(this.depth, bytes));
    return Math.max(0, (bytes - this.tokens) / this.perMs);
  }

  private fill(nowMs: number, depth: number): void {
    const passedMs = Math.max(0, nowMs - this.atMs);
    this.atMs = Math.max(this.atMs, nowMs);
    if (this.perMs === Number.POSITIVE_INFINITY) return;
    // Credit saved for a large piece that gave up is not kept for the next one.
    this.tokens = Math.min(depth, this.tokens + passedMs * this.perMs);
  }
}
