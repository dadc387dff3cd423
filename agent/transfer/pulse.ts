import { LIMITS } from '../../protocol/limits.ts';

/** Silent for so many heartbeats counts as gone. */
const SILENT_BEATS = LIMITS.streamSilentMs / LIMITS.streamHeartbeatMs;

/**
 * Notices a connection that is dead without a word (power cut, cut link): TCP alone would take a quarter of an hour. It
 * counts beats of its owner, not time: who stood still for a while does not take his peer for dead.
 */
export class Pulse {
  private heard = true;
  private said = true;
  private silentBeats = 0;

  /** A new connection. */
  start(): void {
    this.heard = true;
    this.said = true;
    this.silentBeats = 0;
  }

  hear(): void {
    this.heard = true;
  }

  say(): void {
    this.said = true;
  }

  /** What this heartbeat finds: the peer is `gone`; it must hear something (`speak`); or nothing. */
  beat(): 'gone' | 'speak' | undefined {
    this.silentBeats = this.heard ? 0 : this.silentBeats + 1;
    const quiet = !this.said;
    this.heard = false;
    this.said = false;
    if (this.silentBeats >= SILENT_BEATS) return 'gone';
    return quiet ? 'speak' : undefined;
  }
}
