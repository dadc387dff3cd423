import { LIMITS } from '../../protocol/limits.ts';
import { ProtocolViolation } from './frames.ts';

/** What the sending half of a stream may send: everything up to the last acknowledged offset plus the peer's window. */
export class SendWindow {
  private limit: number;
  private ackedBytes = 0;
  private sentBytes = 0;
  private ended = false;

  /** `window`: what the peer announced in its handshake. */
  constructor(window: number) {
    this.limit = Math.min(window, LIMITS.streamWindowBytes);
  }

  /** Offset of the next byte to send. */
  get sent(): number {
    return this.sentBytes;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return this.limit - this.sentBytes;
  }

  /** True when the peer's reader has taken every byte and the end. */
  get done(): boolean {
    return this.ended && this.ackedBytes === this.sentBytes + 1;
  }

  send(bytes: number): void {
    this.sentBytes += bytes;
  }

  end(): void {
    this.ended = true;
  }

  /** The peer's reader took everything before `offset`. @throws ProtocolViolation */
  ack(offset: number, window: number): void {
    const most = this.sentBytes + (this.ended ? 1 : 0);
    if (offset > most || offset < this.ackedBytes) {
      throw new ProtocolViolation(`an ack of ${offset} where ${this.ackedBytes} to ${most} can be`);
    }
    this.ackedBytes = offset;
    const limit = Math.min(offset, this.sentBytes) + Math.min(window, LIMITS.streamWindowBytes);
    if (limit > this.limit) this.limit = limit;
  }
}
