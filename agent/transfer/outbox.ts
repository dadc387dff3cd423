import { LIMITS } from '../../protocol/limits.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { ProtocolViolation } from './frames.ts';

/** A piece of the stream for one frame. */
export interface Piece {
  readonly offset: number;
  readonly size: number;
  readonly chunks: readonly Buffer[];
}

/**
 * The sending half of a stream: what waits to be sent, and what was sent and may have to be sent again. It sends up to the
 * last acknowledged offset plus the peer's window, so that no more than a window is ever kept.
 */
export class Outbox {
  private readonly replay = new ChunkQueue();
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private limit = 0;
  private ackedBytes = 0;
  private sentBytes = 0;
  private endSent = false;

  /** Offset of the next byte that was never sent. */
  get sent(): number {
    return this.sentBytes;
  }

  /** Sent, and kept for the case that the connection breaks. */
  get kept(): number {
    return this.replay.bytes;
  }

  /** True when everything that was put in was sent. */
  get empty(): boolean {
    return this.waitingBytes === 0;
  }

  /** True when the end was sent, if not necessarily on the present connection. */
  get ended(): boolean {
    return this.endSent;
  }

  /** True when the peer's reader has taken every byte and the end. */
  get done(): boolean {
    return this.endSent && this.ackedBytes === this.sentBytes + 1;
  }

  /** Takes more to send; the chunks must not be changed any more. */
  put(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.waiting.push(chunk);
      this.waitingBytes += chunk.length;
    }
  }

  /** The next piece that may be sent, now sent. */
  next(): Piece | undefined {
    const size = Math.min(LIMITS.frameBytes, this.limit - this.sentBytes, this.waitingBytes);
    if (size <= 0) return undefined;
    const offset = this.sentBytes;
    const chunks: Buffer[] = [];
    for (let left = size; left > 0; ) {
      const chunk = this.waiting[0] as Buffer;
      const piece = chunk.length <= left ? chunk : chunk.subarray(0, left);
      if (piece === chunk) this.waiting.shift();
      else this.waiting[0] = chunk.subarray(left);
      left -= piece.length;
      chunks.push(piece);
      this.replay.add(piece);
    }
    this.sentBytes += size;
    this.waitingBytes -= size;
    return { offset, size, chunks };
  }

  /** The end is sent after the last byte. */
  end(): void {
    this.endSent = true;
  }

  /** The peer will buffer so much. */
  open(window: number): void {
    const limit = Math.min(this.ackedBytes, this.sentBytes) + Math.min(window, LIMITS.streamWindowBytes);
    if (limit > this.limit) this.limit = limit;
  }

  /** The peer's reader took everything before `offset`, the end counting as one; true if that is news. @throws ProtocolViolation */
  ack(offset: number, window: number): boolean {
    this.check(offset, 'an ack of');
    const news = offset > this.ackedBytes;
    this.replay.drop(Math.min(offset, this.sentBytes) - Math.min(this.ackedBytes, this.sentBytes));
    this.ackedBytes = offset;
    this.open(window);
    return news;
  }

  /**
   * What was sent, and did not reach a peer that received everything before `offset` (the end counting as one): to be
   * sent again on a new connection. @throws ProtocolViolation
   */
  again(offset: number): Piece[] {
    this.check(offset, 'a resumption at');
    const pieces: Piece[] = [];
    for (let at = Math.min(offset, this.sentBytes); at < this.sentBytes; ) {
      const size = Math.min(LIMITS.frameBytes, this.sentBytes - at);
      pieces.push({ offset: at, size, chunks: this.replay.views(at - this.ackedBytes, size) });
      at += size;
    }
    return pieces;
  }

  /** Nothing will be sent any more. */
  clear(): void {
    this.replay.clear();
    this.waiting = [];
    this.waitingBytes = 0;
  }

  private check(offset: number, what: string): void {
    const most = this.sentBytes + (this.endSent ? 1 : 0);
    if (offset > most || offset < this.ackedBytes) {
      throw new ProtocolViolation(`${what} ${offset} where ${this.ackedBytes} to ${most} can be`);
    }
  }
}
