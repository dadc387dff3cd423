import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { GodwitError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { asTransferFailure, transferFailed } from '../failure.ts';
import { ANSWER_PAGES, type Answers } from './answers.ts';
import {
  COMMAND,
  type Header,
  PAGE_BYTES,
  PAGE_FLAGS,
  readHeader,
  STATUS_BYTES,
  type WireFormat,
  writeHeader,
} from './wire.ts';

/** Answers under way to the daemon at once: one that the kernel takes, one that is filled. */
const BUFFERS = 2;

export interface DaemonOptions {
  readonly wire: WireFormat;
  readonly nowMs: () => number;
  /** A page at the source that somebody waits for, as an index, and how many from there on. */
  readonly want: (index: number, pages: number) => void;
  /** A task waits for this page. */
  readonly waited: (pid: number, page: number) => void;
  /** Pages were handed out. */
  readonly served: () => void;
  /** The daemon has said goodbye. */
  readonly ended: () => void;
  /** It never will: it is gone, or asks for what there is not. */
  readonly lost: (error: Error) => void;
}

/** The local lazy-pages daemon's connection: its requests are answered in their order, as they can be. */
export class Daemon {
  readonly port: number;
  servedPages = 0;
  answered = 0;
  waits = 0;
  longestWaitMs = 0;
  private readonly options: DaemonOptions;
  private readonly server: Server;
  private socket: Socket | undefined;
  private answers: Answers | undefined;
  private readonly header: Buffer;
  private headerBytes = 0;
  private queue: Header[] = [];
  private buffers: Buffer[];
  private waitingSinceMs: number | undefined;
  private over = false;

  /** Listens for one daemon on 127.0.0.1. @throws GodwitError TRANSFER_FAILED */
  static async listen(options: DaemonOptions): Promise<Daemon> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      throw asTransferFailure(error, 'cannot listen for criu');
    }
    return new Daemon(server, options);
  }

  private constructor(server: Server, options: DaemonOptions) {
    this.options = options;
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    this.header = Buffer.alloc(options.wire);
    const bytes = options.wire + ANSWER_PAGES * PAGE_BYTES;
    this.buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(bytes));
    server.on('connection', (socket) => this.accept(socket));
  }

  /** From now on requests can be answered. */
  begin(answers: Answers): void {
    this.answers = answers;
    this.pump();
  }

  /** Answers what can be answered now. */
  pump(): void {
    try {
      let answers = 0;
      while (this.answerFirst()) answers += 1;
      if (answers > 0) this.options.served();
    } catch (error) {
      this.lose(error);
    }
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.over = true;
    this.queue = [];
    this.server.close();
    this.socket?.destroy();
  }

  private accept(socket: Socket): void {
    socket.on('error', () => {});
    if (this.socket !== undefined || this.over) {
      socket.destroy();
      return;
    }
    this.socket = socket;
    this.server.close();
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('close', () => this.lose(daemonGone()));
  }

  private onData(chunk: Buffer): void {
    const { wire } = this.options;
    try {
      for (let at = 0; at < chunk.length && !this.over; ) {
        const bytes = Math.min(wire - this.headerBytes, chunk.length - at);
        chunk.copy(this.header, this.headerBytes, at, at + bytes);
        at += bytes;
        this.headerBytes += bytes;
        if (this.headerBytes < wire) return;
        this.headerBytes = 0;
        this.take(readHeader(this.header, wire));
      }
    } catch (error) {
      this.lose(error);
      return;
    }
    this.pump();
  }

  private take(request: Header): void {
    if (request.command === COMMAND.close || request.command === COMMAND.forceClose) {
      this.over = true;
      this.queue = [];
      this.socket?.end(Buffer.alloc(STATUS_BYTES));
      this.options.ended();
      return;
    }
    if (request.command !== COMMAND.get || request.pages === 0)
      throw transferFailed(`criu sent the command ${request.command}`);
    if (this.queue.length >= LIMITS.pageRequests) throw transferFailed('criu asks for too much at once');
    if (request.pages === 1) this.options.waited(request.id, request.page);
    this.queue.push(request);
    // The first one is looked at when it is answered; those behind it are fetched meanwhile.
    if (this.queue.length > 1) this.wantFirstPage(request);
  }

  private wantFirstPage(request: Header): void {
    const index = this.answers?.missing(request);
    if (index !== undefined) this.options.want(index, request.pages);
  }

  /** False when there is nothing to answer, or nothing to answer it with. */
  private answerFirst(): boolean {
    const { answers, socket } = this;
    const { wire, nowMs } = this.options;
    const request = this.queue[0];
    const buffer = this.buffers.at(-1);
    if (!request || !buffer || !answers || !socket) return false;
    const pages = answers.fill(request, buffer, wire);
    if (pages === 0) {
      if (this.waitingSinceMs !== undefined) return false;
      this.waitingSinceMs = nowMs();
      this.wantFirstPage(request);
      return false;
    }
    if (this.waitingSinceMs !== undefined) {
      this.waits += 1;
      this.longestWaitMs = Math.max(this.longestWaitMs, nowMs() - this.waitingSinceMs);
      this.waitingSinceMs = undefined;
    }
    this.queue.shift();
    this.buffers.pop();
    const { page, id } = request;
    writeHeader(buffer, wire, { command: COMMAND.add, flags: PAGE_FLAGS.present, pages, page, id });
    this.servedPages += pages;
    this.answered += 1;
    socket.write(buffer.subarray(0, wire + pages * PAGE_BYTES), () => {
      this.buffers.push(buffer);
      this.pump();
    });
    return true;
  }

  private lose(error: unknown): void {
    if (this.over) return;
    this.over = true;
    this.queue = [];
    this.options.lost(asTransferFailure(error, 'serving the lazy-pages daemon'));
  }
}

/** A defect of the copy on this node, and none of the source: it may have every page still. */
function daemonGone(): GodwitError {
  return new GodwitError('RESTORE_FAILED', {
    target: 'this node',
    problem: 'the lazy-pages daemon is gone',
  });
}
