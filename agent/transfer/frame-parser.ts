import { decodeHeader, FRAME, FRAME_HEADER_BYTES, type FrameHeader, ProtocolViolation } from './frames.ts';

/** Receives what a {@link FrameParser} finds. */
export interface FrameSink {
  /** A piece of the stream, in order; it may be a part of a frame (no copy is made). */
  data(chunk: Buffer): void;
  ack(offset: number, window: number): void;
  end(): void;
  error(text: string): void;
  reset(): void;
}

/** Takes a connection's bytes apart into frames, whatever the sizes of the pieces they arrive in. Pure, no I/O. */
export class FrameParser {
  private readonly sink: FrameSink;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerFilled = 0;
  private frame: FrameHeader | undefined;
  private remaining = 0;
  private control: Buffer[] = [];
  private offset = 0;
  private closed = false;

  constructor(sink: FrameSink) {
    this.sink = sink;
  }

  /** Bytes of the stream received so far. */
  get received(): number {
    return this.offset;
  }

  /** Handles the next bytes. @throws ProtocolViolation */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.frame === undefined) {
        at += this.takeHeader(chunk.subarray(at));
      } else {
        const piece = chunk.subarray(at, at + this.remaining);
        at += piece.length;
        this.takePayload(this.frame, piece);
      }
    }
  }

  private takeHeader(bytes: Buffer): number {
    const taken = bytes.copy(this.header, this.headerFilled, 0, FRAME_HEADER_BYTES - this.headerFilled);
    this.headerFilled += taken;
    if (this.headerFilled < FRAME_HEADER_BYTES) return taken;
    this.headerFilled = 0;
    const frame = decodeHeader(this.header);
    this.check(frame);
    if (frame.length > 0) {
      this.frame = frame;
      this.remaining = frame.length;
    } else {
      this.complete(frame, Buffer.alloc(0));
    }
    return taken;
  }

  /** Our own direction must have no gap and no overlap; after its end only acks may follow. */
  private check(frame: FrameHeader): void {
    if (frame.type === FRAME.ack) return;
    if (this.closed) throw new ProtocolViolation('a frame after the end');
    if (frame.offset !== this.offset) {
      throw new ProtocolViolation(`offset ${frame.offset} where ${this.offset} was due`);
    }
  }

  private takePayload(frame: FrameHeader, piece: Buffer): void {
    this.remaining -= piece.length;
    const last = this.remaining === 0;
    if (last) this.frame = undefined;
    if (frame.type === FRAME.data) {
      this.offset += piece.length;
      this.sink.data(piece);
      return;
    }
    this.control.push(piece);
    if (!last) return;
    const payload = Buffer.concat(this.control);
    this.control = [];
    this.complete(frame, payload);
  }

  private complete(frame: FrameHeader, payload: Buffer): void {
    if (frame.type === FRAME.ack) {
      this.sink.ack(frame.offset, payload.readUInt32BE(0));
      return;
    }
    this.closed = true;
    if (frame.type === FRAME.end) this.sink.end();
    else if (frame.type === FRAME.error) this.sink.error(payload.toString('utf8'));
    else this.sink.reset();
  }
}
