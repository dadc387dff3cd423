import { decodeHeader, FRAME, FRAME_HEADER_BYTES, type FrameHeader, ProtocolViolation } from './frames.ts';

/** Receives what a {@link FrameParser} finds. */
export interface FrameSink {
  /** A piece of the stream, in order; it may be a part of a frame (no copy is made). */
  data(chunk: Buffer): void;
  ack(offset: number, window: number): void;
  end(): void;
  error(text: string): void;
  reset(): void;
  done(): void;
}

/** Where in a stream its first frame on a connection is to be. */
export interface FrameStart {
  /** Bytes of the stream that came on earlier connections. */
  readonly offset: number;
  /** The end came as well. */
  readonly ended: boolean;
}

/** Takes a connection's bytes apart into frames, whatever the sizes of the pieces they arrive in. Pure, no I/O. */
export class FrameParser {
  private readonly sink: FrameSink;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerFilled = 0;
  private frame: FrameHeader | undefined;
  private remaining = 0;
  private control: Buffer[] = [];
  private offset: number;
  private ended: boolean;
  private closed = false;

  constructor(sink: FrameSink, start: FrameStart = { offset: 0, ended: false }) {
    this.sink = sink;
    this.offset = start.offset;
    this.ended = start.ended;
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

  /** The peer's direction must have no gap and no overlap, no data after its end, and nothing after its last word. */
  private check(frame: FrameHeader): void {
    if (this.closed) throw new ProtocolViolation('a frame after the last word');
    if (frame.type === FRAME.ack) return;
    const more = frame.type === FRAME.data || frame.type === FRAME.end;
    if (more && this.ended) throw new ProtocolViolation('a frame after the end');
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
    if (frame.type === FRAME.end) {
      this.ended = true;
      this.sink.end();
      return;
    }
    this.closed = true;
    if (frame.type === FRAME.done) this.sink.done();
    else if (frame.type === FRAME.error) this.sink.error(payload.toString('utf8'));
    else this.sink.reset();
  }
}
