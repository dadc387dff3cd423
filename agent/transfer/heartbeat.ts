import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';

/** What a {@link Heartbeat} needs to know and to do. */
export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Says to the peer that this end is there. */
  readonly beat: () => void;
  /** The peer was silent for too long. */
  readonly silent: () => void;
}

/**
 * Notices a peer that is gone without a word (power cut, cut link): TCP alone would take a quarter of an hour. Each
 * end says something at least every `streamHeartbeatMs`; a peer not heard for `streamSilentMs` counts as gone.
 */
export class Heartbeat {
  private readonly options: HeartbeatOptions;
  private heardMs: number;
  private saidMs: number;
  private cancel: () => void;

  constructor(options: HeartbeatOptions) {
    this.options = options;
    this.heardMs = options.clock.monotonicMs();
    this.saidMs = this.heardMs;
    this.cancel = this.schedule();
  }

  heard(): void {
    this.heardMs = this.options.clock.monotonicMs();
  }

  said(): void {
    this.saidMs = this.options.clock.monotonicMs();
  }

  stop(): void {
    this.cancel();
  }

  private schedule(): () => void {
    return this.options.clock.after(LIMITS.streamHeartbeatMs, () => {
      this.cancel = this.schedule();
      const nowMs = this.options.clock.monotonicMs();
      if (nowMs - this.heardMs >= LIMITS.streamSilentMs) this.options.silent();
      else if (nowMs - this.saidMs >= LIMITS.streamHeartbeatMs / 2) this.options.beat();
    });
  }
}
