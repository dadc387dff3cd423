import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock } from '../effects/clock.ts';
import { type Connection, DialError, type Dialer } from './dialer.ts';
import { problemOf, type TransferLog, transferFailed } from './failure.ts';
import { farewell } from './linger.ts';
import type { SharedLink } from './shared-link.ts';
import type { DataStream, StreamEnds, StreamId } from './stream.ts';
import { StreamCore } from './stream-core.ts';
import type { StreamEffects } from './stream-effects.ts';
import { PIECE_BYTES } from './token-bucket.ts';

/** Bytes Node may hold for us in each direction, besides the window. */
const BUFFER_BYTES = 512 * 1024;

export interface FramedStreamOptions {
  readonly id: StreamId;
  readonly clock: Clock;
  readonly log?: TransferLog | undefined;
  readonly connection: Connection;
  /** Connects again; only the end that opened the stream does. */
  readonly dialer?: Dialer | undefined;
  /** What all jobs together may receive. */
  readonly inbound?: SharedLink | undefined;
}

type Done = (error?: Error | null) => void;

/**
 * A byte duplex in frames that survives its TCP connections: what its core decides, done with sockets and timers.
 * `finish` means that the peer's reader has taken everything, the end included.
 */
export class FramedStream extends Duplex implements DataStream {
  readonly id: StreamId;
  /** Settles when nothing of it is left to do, which can be after `close`: the peer may have to be told once more. */
  readonly released: Promise<void>;
  private readonly core: StreamCore;
  private readonly clock: Clock;
  private readonly log: TransferLog | undefined;
  private readonly dialer: Dialer | undefined;
  private readonly inbound: SharedLink | undefined;
  private readonly dialing = new AbortController();
  private release!: () => void;
  private connection: Connection | undefined;
  private lastEnds: StreamEnds;
  /** Of the write that waits for room, and of the one that waits for the kernel to take it. */
  private written: Done | undefined;
  private flushed: Done | undefined;
  private finished: Done | undefined;
  private cancelWake = (): void => {};
  /** The peer is gone or has said its last word: nothing may be sent to it any more. */
  private peerGone = false;

  constructor({ id, clock, log, connection, dialer, inbound }: FramedStreamOptions) {
    super({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES });
    this.id = id;
    this.clock = clock;
    this.log = log;
    this.dialer = dialer;
    this.inbound = inbound;
    this.lastEnds = connection.ends;
    this.released = new Promise((resolve) => {
      this.release = resolve;
    });
    this.core = new StreamCore(dialer !== undefined, this.effects);
    // A stream that breaks while nobody holds it yet must not bring the agent down; holders see the event as well.
    this.on('error', () => {});
    this.use(connection);
  }

  get ends(): StreamEnds {
    return this.lastEnds;
  }

  get bytesSent(): number {
    return this.core.bytesSent;
  }

  get bytesReceived(): number {
    return this.core.bytesReceived;
  }

  /** What a peer that comes back must know of this end. */
  get received(): number {
    return this.core.received;
  }

  /** Every byte and both ends were taken, here and there. */
  get complete(): boolean {
    return this.core.complete;
  }

  /** No connection is of use to it any more. */
  get isOver(): boolean {
    return this.core.isOver;
  }

  /** Goes on over this connection; one it had before is dropped. */
  use(connection: Connection): void {
    this.dropConnection();
    this.connection = connection;
    this.lastEnds = connection.ends;
    const { socket, early } = connection;
    const lost = (problem: string): void => {
      if (this.connection === connection) this.core.lost(problem, this.clock.monotonicMs());
    };
    const take = (bytes: Buffer): void => {
      if (this.connection !== connection) return;
      this.core.push(bytes);
      this.pace(socket, bytes.length);
    };
    socket.on('data', take);
    socket.on('error', (error) => lost(`the connection broke: ${error.message}`));
    socket.on('close', () => lost('the connection was closed before the end'));
    socket.on('end', () => lost('the peer closed the connection before the end'));
    this.core.attach(connection.peer);
    process.nextTick(() => {
      if (early.length > 0) take(early);
      if (socket.destroyed) lost('the connection was closed before the end');
      else socket.resume();
    });
  }

  /** What has come is paid for before more is read; the sender feels it as a slow link. */
  private pace(socket: Socket, bytes: number): void {
    const { inbound, id } = this;
    if (!inbound || inbound.tryPass(id.job, bytes)) return;
    socket.pause();
    const paid = async (): Promise<void> => {
      for (let left = bytes; left > 0; left -= PIECE_BYTES)
        await inbound.pass(id.job, Math.min(left, PIECE_BYTES));
    };
    void paid().then(() => socket.resume());
  }

  private tick(): void {
    if (this.connection?.socket.isPaused()) this.core.unread();
    this.core.tick(this.clock.monotonicMs());
  }

  /** Does not wait to hear that the peer knows that all is done. */
  abandon(): void {
    if (this.core.complete) this.letGo(this.core.stop(undefined));
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.written = done;
    this.core.write([chunk]);
  }

  override _writev(parts: { readonly chunk: Buffer }[], done: Done): void {
    this.written = done;
    this.core.write(parts.map((part) => part.chunk));
  }

  override _final(done: Done): void {
    this.finished = done;
    this.core.end();
  }

  override _read(): void {
    this.core.read();
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.core.complete) {
      const lastWord = this.core.stop(error === null ? undefined : problemOf(error));
      if (this.peerGone) this.dropConnection();
      this.letGo(lastWord);
      const cut = error ?? transferFailed('the stream was cancelled', this.ends);
      this.wrote(cut);
      this.flush(cut);
      this.finished?.(cut);
    }
    done(error);
  }

  private readonly effects: StreamEffects = {
    send: (bytes, last) => this.send(bytes, last),
    hangUp: (problem) => {
      this.log?.warn({ stream: this.id, ends: this.ends, problem }, 'a data stream lost its connection');
      this.dropConnection();
    },
    dial: (withinMs) => void this.dial(withinMs),
    wake: (ms) => {
      this.cancelWake();
      this.cancelWake = this.clock.after(ms, () => this.tick());
    },
    deliver: (chunk) => this.push(chunk),
    wrote: () => this.wrote(),
    finished: () => {
      this.finished?.();
      this.finished = undefined;
    },
    failed: (problem, tell) => {
      this.peerGone = !tell;
      this.destroy(transferFailed(problem, this.ends));
    },
    over: (lastWord) => this.letGo(lastWord),
  };

  private send(bytes: readonly Buffer[], last: boolean): void {
    const { connection } = this;
    if (!connection) return;
    const { socket } = connection;
    if (last) {
      this.flushed = this.written;
      this.written = undefined;
    }
    const onFlush = (): void => {
      if (this.connection === connection) this.flush();
    };
    const { length } = bytes;
    socket.cork();
    bytes.forEach((piece, index) => {
      socket.write(piece, last && index === length - 1 ? onFlush : undefined);
    });
    socket.uncork();
  }

  private wrote(error?: Error): void {
    const { written } = this;
    this.written = undefined;
    written?.(error);
  }

  private flush(error?: Error): void {
    const { flushed } = this;
    this.flushed = undefined;
    flushed?.(error);
  }

  /** Ends the connection at once. The core has kept what was written to it and will send it again. */
  private dropConnection(): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.socket.destroy();
    this.flush();
  }

  private async dial(withinMs: number): Promise<void> {
    const { dialer, core, clock, dialing } = this;
    try {
      const options = { received: core.received, withinMs, signal: dialing.signal };
      const connection = await dialer?.dial(options);
      if (connection === undefined) return;
      if (core.isOver) {
        connection.socket.destroy();
        return;
      }
      this.log?.warn(
        { stream: this.id, ends: connection.ends },
        'a data stream goes on over a new connection',
      );
      this.use(connection);
    } catch (error) {
      if (core.isOver) return;
      if (error instanceof DialError && error.kind !== 'deaf' && error.kind !== 'unreachable')
        core.refused(error.message);
      else core.dialFailed(problemOf(error), clock.monotonicMs());
    }
  }

  private letGo(lastWord: Buffer | undefined): void {
    this.cancelWake();
    this.dialing.abort(transferFailed('the stream is over', this.ends));
    const { connection } = this;
    this.connection = undefined;
    if (connection) farewell(connection.socket, this.clock, lastWord);
    this.release();
  }
}
