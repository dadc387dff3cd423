import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';
import { problemOf, transferFailed } from './failure.ts';
import { FrameParser } from './frame-parser.ts';
import { encodeAck, encodeError, encodeHeader, FRAME, ProtocolViolation } from './frames.ts';
import { Heartbeat } from './heartbeat.ts';
import { Inbox } from './inbox.ts';
import { farewell } from './linger.ts';
import { SendWindow } from './send-window.ts';
import type { DataStream, StreamEnds, StreamId } from './stream.ts';

/** Bytes Node may hold for us in each direction, besides the window. */
const BUFFER_BYTES = 512 * 1024;

export interface FramedStreamOptions {
  readonly id: StreamId;
  readonly ends: StreamEnds;
  /** Connected, past the handshake, and paused. */
  readonly socket: Socket;
  readonly clock: Clock;
  /** What the peer announced that it will buffer. */
  readonly peerWindow: number;
  /** Bytes that came with the last piece of the handshake. */
  readonly early: Buffer;
}

interface PendingWrite {
  readonly chunks: Buffer[];
  bytes: number;
  readonly done: (error?: Error | null) => void;
}

/**
 * A byte duplex over one TCP connection in frames. The connection is always read (acks must not wait behind data that
 * nobody takes), which is safe because the peer never sends more than our window. `finish` means that the peer's
 * reader has taken everything, the end included.
 */
export class FramedStream extends Duplex implements DataStream {
  readonly id: StreamId;
  readonly ends: StreamEnds;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly parser: FrameParser;
  private readonly sending: SendWindow;
  private readonly inbox = new Inbox(LIMITS.streamWindowBytes);
  private readonly heartbeat: Heartbeat;
  private pending: PendingWrite | undefined;
  private finished: ((error?: Error | null) => void) | undefined;
  private readerWaits = false;
  private peerEnded = false;
  private endTaken = false;
  /** The peer is gone or has said its last word: nothing may be sent to it any more. */
  private peerGone = false;

  constructor(options: FramedStreamOptions) {
    super({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES });
    this.id = options.id;
    this.ends = options.ends;
    this.socket = options.socket;
    this.clock = options.clock;
    this.sending = new SendWindow(options.peerWindow);
    this.parser = new FrameParser({
      data: (chunk) => this.takeData(chunk),
      ack: (offset, window) => this.takeAck(offset, window),
      end: () => this.takeEnd(),
      error: (text) => this.fail(text, true),
      reset: () => this.fail('the peer cancelled the stream', true),
    });
    this.heartbeat = new Heartbeat({
      clock: options.clock,
      beat: () => this.sendAck(),
      silent: () => this.fail(`the peer was silent for ${LIMITS.streamSilentMs / 1000} s`, true),
    });
    // A stream that breaks while nobody holds it yet must not bring the agent down; holders see the event as well.
    this.on('error', () => {});
    this.listen(options.early);
  }

  get bytesSent(): number {
    return this.sending.sent;
  }

  get bytesReceived(): number {
    return this.parser.received;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.pending = { chunks: [chunk], bytes: chunk.length, done };
    this.flush();
  }

  override _writev(parts: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const chunks = parts.map((part) => part.chunk);
    this.pending = { chunks, bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0), done };
    this.flush();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.finished = done;
    this.socket.write(encodeHeader(FRAME.end, 0, this.sending.sent));
    this.sending.end();
    this.heartbeat.said();
  }

  override _read(): void {
    this.readerWaits = true;
    while (this.readerWaits) {
      const chunk = this.inbox.take();
      if (chunk === undefined) break;
      this.readerWaits = this.push(chunk);
    }
    this.afterTaking();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.heartbeat.stop();
    const complete = this.sending.done && this.endTaken;
    if (this.peerGone) this.socket.destroy();
    else farewell(this.socket, this.clock, complete ? undefined : this.lastWord(error));
    const cut = error ?? transferFailed('the stream was cancelled', this.ends);
    this.pending?.done(cut);
    if (!complete) this.finished?.(cut);
    done(error);
  }

  private listen(early: Buffer): void {
    const { socket } = this;
    socket.on('data', (chunk: Buffer) => this.takeBytes(chunk));
    socket.on('error', (error) => this.fail(`the connection broke: ${error.message}`, true));
    socket.on('close', () => this.fail('the connection was closed before the end', true));
    socket.on('end', () => this.fail('the peer closed the connection before the end', true));
    process.nextTick(() => {
      if (early.length > 0) this.takeBytes(early);
      if (socket.destroyed) this.fail('the connection was closed before the end', true);
      else socket.resume();
    });
  }

  private takeBytes(bytes: Buffer): void {
    if (this.destroyed) return;
    this.heartbeat.heard();
    try {
      this.parser.push(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.fail(`the peer broke the protocol: ${error.message}`, false);
    }
  }

  private takeData(chunk: Buffer): void {
    if (this.destroyed) return;
    if (!this.inbox.fits(chunk.length)) throw new ProtocolViolation('more data than the window allows');
    if (this.readerWaits && this.inbox.empty) {
      this.inbox.pass(chunk.length);
      this.readerWaits = this.push(chunk);
      this.afterTaking();
    } else {
      this.inbox.add(chunk);
    }
  }

  private takeAck(offset: number, window: number): void {
    this.sending.ack(offset, window);
    this.flush();
    if (!this.sending.done || this.finished === undefined) return;
    const finished = this.finished;
    this.finished = undefined;
    finished();
  }

  private takeEnd(): void {
    this.peerEnded = true;
    this.afterTaking();
  }

  /** Tells the sender what was taken, when it matters to it; passes the end on when nothing is before it. */
  private afterTaking(): void {
    if (this.destroyed || this.endTaken) return;
    if (this.peerEnded && this.inbox.empty) {
      this.endTaken = true;
      this.sendAck();
      this.push(null);
    } else if (this.inbox.ackDue) {
      this.sendAck();
    }
  }

  private sendAck(): void {
    if (this.socket.destroyed) return;
    this.inbox.acked();
    this.socket.write(encodeAck(this.inbox.taken + (this.endTaken ? 1 : 0), this.inbox.window));
    this.heartbeat.said();
  }

  /** Sends as much of the pending write as the peer's window allows, a frame at a time, each in one system call. */
  private flush(): void {
    while (this.pending !== undefined && !this.destroyed) {
      const size = Math.min(LIMITS.frameBytes, this.sending.room, this.pending.bytes);
      if (size === 0 && this.pending.bytes > 0) return;
      this.sendFrame(this.pending, size);
    }
  }

  private sendFrame(pending: PendingWrite, size: number): void {
    if (size === pending.bytes) this.pending = undefined;
    if (size === 0) {
      pending.done();
      return;
    }
    this.socket.cork();
    this.socket.write(encodeHeader(FRAME.data, size, this.sending.sent));
    this.sending.send(size);
    pending.bytes -= size;
    for (let left = size; left > 0; ) {
      const chunk = pending.chunks[0] as Buffer;
      const piece = chunk.length <= left ? chunk : chunk.subarray(0, left);
      if (piece === chunk) pending.chunks.shift();
      else pending.chunks[0] = chunk.subarray(left);
      left -= piece.length;
      const last = left === 0 && pending.bytes === 0;
      this.socket.write(piece, last ? (error) => pending.done(error) : undefined);
    }
    this.socket.uncork();
    this.heartbeat.said();
  }

  private lastWord(error: Error | null): Buffer {
    if (error === null) return encodeHeader(FRAME.reset, 0, this.sending.sent);
    return encodeError(problemOf(error), this.sending.sent);
  }

  /** Breaks the stream, unless it has done all its work already. */
  private fail(problem: string, peerGone: boolean): void {
    if (this.destroyed || (this.sending.done && this.endTaken)) return;
    this.peerGone = peerGone;
    this.destroy(transferFailed(problem, this.ends));
  }
}
