import type { Clock } from '../effects/clock.ts';
import { TokenBucket } from './token-bucket.ts';
import { awaitTurn } from './turn.ts';

export interface SharedLinkOptions {
  readonly clock: Clock;
  /** Bytes per second of all jobs together; none: nothing is held back. */
  readonly limitBytesPerSecond?: number | undefined;
}

/** A piece that waits for its turn. */
interface Waiting {
  readonly start: number;
  readonly bytes: number;
  readonly go: () => void;
}

/** Already resolved: what costs nothing should not allocate either. */
const AT_ONCE = Promise.resolve();
/** Jobs whose turn is remembered before those that say nothing any more are forgotten. */
const KEPT = 256;

/**
 * What all moves of a node may use of its link together, shared by bytes: a job that always has something to send gets as much
 * as any other that has, and what one does not need is for the rest (start-time fair queueing: each piece gets the place in
 * a virtual time that counts its job's bytes, the earliest passes next). A move that begins or ends, or gets a limit of its
 * own, changes the others' shares at once. With one piece of a job at a time it still holds: a job's turn is remembered
 * while it fetches the next one.
 */
export class SharedLink {
  private readonly clock: Clock;
  private readonly bucket: TokenBucket;
  private readonly isLimited: boolean;
  /** The earliest first; of equals the one that came first. */
  private readonly waiting: Waiting[] = [];
  /** Where each job's last piece ends in virtual time. */
  private readonly ends = new Map<string, number>();
  /** Virtual time: the start of the last piece that passed. */
  private now = 0;
  private cancelTimer: (() => void) | undefined;

  constructor({ clock, limitBytesPerSecond }: SharedLinkOptions) {
    this.clock = clock;
    this.isLimited = limitBytesPerSecond !== undefined;
    this.bucket = new TokenBucket(limitBytesPerSecond, clock.monotonicMs());
  }

  /** Says true if these bytes of the job may pass now; false changes nothing: then {@link pass} is to be used. */
  tryPass(job: string, bytes: number): boolean {
    if (!this.isLimited) return true;
    if (this.waiting.length > 0 || !this.bucket.take(bytes, this.clock.monotonicMs())) return false;
    this.now = this.startOf(job, bytes);
    return true;
  }

  /** Waits for the job's turn. Rejects with the signal's reason. */
  pass(job: string, bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.tryPass(job, bytes)) return AT_ONCE;
    return awaitTurn(signal, (go) => {
      const piece = { start: this.startOf(job, bytes), bytes, go };
      const later = this.waiting.findIndex(({ start }) => start > piece.start);
      this.waiting.splice(later < 0 ? this.waiting.length : later, 0, piece);
      if (this.waiting[0] === piece) this.release();
      return () => {
        this.waiting.splice(this.waiting.indexOf(piece), 1);
        this.release();
      };
    });
  }

  /** The place of the job's next piece, which is taken with it. */
  private startOf(job: string, bytes: number): number {
    const start = Math.max(this.now, this.ends.get(job) ?? 0);
    this.ends.set(job, start + bytes);
    // One whose last piece is over in virtual time is no different from a new one.
    if (this.ends.size > KEPT) for (const [one, end] of this.ends) if (end <= this.now) this.ends.delete(one);
    return start;
  }

  /** Lets pass whatever may pass now, in order, and sets the timer for the next one. */
  private release(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    const nowMs = this.clock.monotonicMs();
    for (let head = this.waiting[0]; head !== undefined; head = this.waiting[0]) {
      if (!this.bucket.take(head.bytes, nowMs)) {
        const waitMs = Math.max(1, Math.ceil(this.bucket.waitMs(head.bytes, nowMs)));
        this.cancelTimer = this.clock.after(waitMs, () => this.release());
        return;
      }
      this.waiting.shift();
      this.now = Math.max(this.now, head.start);
      head.go();
    }
  }
}
