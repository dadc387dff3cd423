import type { Clock } from '../effects/clock.ts';
import { RateEstimate } from './rate.ts';
import type { SharedLink } from './shared-link.ts';
import type { Meter } from './stream.ts';
import { TokenBucket } from './token-bucket.ts';
import { awaitTurn } from './turn.ts';

export interface MeterOptions {
  readonly clock: Clock;
  /** Bytes per second; none means unlimited, 0 holds everything back. */
  readonly limitBytesPerSecond?: number | undefined;
  /** What the job shares with others on its way out; none where its bytes do not leave the node. */
  readonly share?: Share | undefined;
}

/** A job's part in a link. */
export interface Share {
  readonly link: SharedLink;
  readonly job: string;
}

/** Counts the bytes of a job and keeps all its streams together under one limit, first come first served. */
export function createMeter(options: MeterOptions): Meter {
  return new QueueMeter(options);
}

interface Waiter {
  readonly bytes: number;
  readonly go: () => void;
}

/** Already resolved: what costs nothing should not allocate either. */
const AT_ONCE = Promise.resolve();

class QueueMeter implements Meter {
  private readonly clock: Clock;
  private readonly rate: RateEstimate;
  private readonly bucket: TokenBucket;
  private readonly share: Share | undefined;
  private readonly queue: Waiter[] = [];
  private cancelTimer: (() => void) | undefined;
  private counted = 0;

  constructor({ clock, limitBytesPerSecond, share }: MeterOptions) {
    this.clock = clock;
    this.share = share;
    this.rate = new RateEstimate();
    this.bucket = new TokenBucket(limitBytesPerSecond, clock.monotonicMs());
  }

  get bytes(): number {
    return this.counted;
  }

  get rateBytesPerSecond(): number {
    return this.rate.at(this.clock.monotonicMs());
  }

  setLimit(bytesPerSecond: number | undefined): void {
    this.bucket.setLimit(bytesPerSecond, this.clock.monotonicMs());
    this.release();
  }

  tryPass(bytes: number): boolean {
    if (this.queue.length > 0) return false;
    const nowMs = this.clock.monotonicMs();
    if (!this.bucket.take(bytes, nowMs)) return false;
    const { share } = this;
    if (share && !share.link.tryPass(share.job, bytes)) {
      this.bucket.giveBack(bytes);
      return false;
    }
    this.count(bytes);
    return true;
  }

  pass(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.tryPass(bytes)) return AT_ONCE;
    const turn = this.turn(bytes, signal);
    return this.share ? turn.then(() => this.shared(bytes, signal)) : turn;
  }

  /** The job's own limit, in the order of arrival. */
  private turn(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return awaitTurn(signal, (go) => {
      const waiter = { bytes, go };
      this.queue.push(waiter);
      if (this.queue.length === 1) this.release();
      return () => {
        this.queue.splice(this.queue.indexOf(waiter), 1);
        this.release();
      };
    });
  }

  /** Lets pass whatever may pass now, in order, and sets the timer for the next one. */
  private release(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    const nowMs = this.clock.monotonicMs();
    for (let head = this.queue[0]; head !== undefined; head = this.queue[0]) {
      if (!this.bucket.take(head.bytes, nowMs)) {
        const waitMs = this.bucket.waitMs(head.bytes, nowMs);
        if (waitMs !== Number.POSITIVE_INFINITY) {
          this.cancelTimer = this.clock.after(Math.max(1, Math.ceil(waitMs)), () => this.release());
        }
        return;
      }
      this.queue.shift();
      if (!this.share) this.count(head.bytes);
      head.go();
    }
  }

  /** The node's limit: the job's turn among the others. */
  private async shared(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const { link, job } = this.share as Share;
    await link.pass(job, bytes, signal);
    this.count(bytes);
  }

  private count(bytes: number): void {
    this.counted += bytes;
    this.rate.add(bytes, this.clock.monotonicMs());
  }
}
