import { LIMITS } from '../../../protocol/limits.ts';
import type { Clock } from '../../effects/clock.ts';
import { asTransferFailure, transferFailed } from '../failure.ts';
import type { DataStream } from '../stream.ts';
import type { RemotePages, RemoteRun } from './remote-pages.ts';
import {
  COMMAND,
  PAGE_BYTES,
  PAGE_FLAGS,
  readHeader,
  STATUS_BYTES,
  type WireFormat,
  writeHeader,
} from './wire.ts';

/** Asked for in the background: one request, and all that are under way. The source answers in order. */
const AHEAD_PAGES = 64;
const AHEAD_WINDOW_PAGES = 192;
/** Asked for at once when somebody waits: what lies next to it is likely to be needed too. */
const WANTED_PAGES = 16;
/** Then up to so many more may be under way. */
const WANTED_WINDOW_PAGES = 2 * AHEAD_WINDOW_PAGES;

export interface FetcherOptions {
  readonly stream: DataStream;
  readonly wire: WireFormat;
  readonly pages: RemotePages;
  readonly clock: Clock;
  /** Some pages more are here. */
  readonly arrived: () => void;
}

/** Fetches all pages that the source still has, the wanted ones first, each of them once. */
export class Fetcher {
  /** All pages are here. The value says whether the source confirmed the end. Rejects: TRANSFER_FAILED. */
  readonly done: Promise<boolean>;
  private readonly options: FetcherOptions;
  /** Pages that somebody waits for. One that was asked for may still be left out of the answer. */
  private readonly wanted = new Set<number>();
  private readonly asked: RemoteRun[] = [];
  private askedPages = 0;
  private readonly header: Buffer;
  /** Bytes of the header, or of the closing status, that are here. */
  private headerBytes = 0;
  /** Where the rest of the current answer goes. */
  private place = 0;
  private left = 0;
  private closing = false;
  private cancelGrace = (): void => {};
  private resolve!: (goodbye: boolean) => void;
  private reject!: (error: unknown) => void;

  constructor(options: FetcherOptions) {
    this.options = options;
    this.header = Buffer.alloc(options.wire);
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.done.catch(() => {});
    const { stream } = options;
    stream
      .on('data', this.onData)
      .on('end', () => this.ended('it ended'))
      .on('error', (error: Error) => this.fail(error))
      .on('close', () => this.ended('it was closed'));
    this.pump();
  }

  /** Fetches this page before all that nobody waits for. */
  want(index: number): void {
    this.wanted.add(index);
    this.pump();
  }

  stop(error: Error): void {
    this.fail(error);
  }

  private pump(): void {
    const { pages } = this.options;
    for (const index of this.wanted) {
      if (this.askedPages >= WANTED_WINDOW_PAGES) break;
      if (pages.isMissing(index)) this.ask(pages.claim(index, WANTED_PAGES));
      else if (pages.hereFrom(index, 1) === 1) this.wanted.delete(index);
    }
    while (this.askedPages < AHEAD_WINDOW_PAGES) {
      const run = pages.claimNext(AHEAD_PAGES);
      if (run === undefined) break;
      this.ask(run);
    }
    if (this.asked.length === 0 && pages.here === pages.total) this.sayGoodbye();
  }

  private ask(run: RemoteRun): void {
    const { pid, page } = this.options.pages.whereIs(run.index);
    this.send({ command: COMMAND.get, flags: 0, pages: run.pages, page, id: pid });
    this.asked.push(run);
    this.askedPages += run.pages;
  }

  private sayGoodbye(): void {
    if (this.closing) return;
    this.closing = true;
    const { stream, clock } = this.options;
    this.send({ command: COMMAND.close, flags: 0, pages: 0, page: 0, id: 0 });
    this.cancelGrace = clock.after(LIMITS.relayGraceMs, () => {
      stream.destroy();
      this.settle(false);
    });
  }

  private send(header: Parameters<typeof writeHeader>[2]): void {
    const { stream, wire } = this.options;
    const bytes = Buffer.alloc(wire);
    writeHeader(bytes, wire, header);
    if (!stream.destroyed) stream.write(bytes);
  }

  private readonly onData = (chunk: Buffer): void => {
    try {
      for (let at = 0; at < chunk.length; ) at += this.take(chunk, at);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.options.arrived();
    if (!this.closing) this.pump();
  };

  /** Uses up some bytes of a chunk from this place on; returns how many. */
  private take(chunk: Buffer, at: number): number {
    const { pages, wire } = this.options;
    if (this.left > 0) {
      const bytes = Math.min(this.left, chunk.length - at);
      pages.store(chunk, at, bytes, this.place);
      this.place += bytes;
      this.left -= bytes;
      return bytes;
    }
    const needed = this.closing ? STATUS_BYTES : wire;
    if (this.headerBytes === needed) throw transferFailed('the source sent more than it was asked for');
    const bytes = Math.min(needed - this.headerBytes, chunk.length - at);
    chunk.copy(this.header, this.headerBytes, at, at + bytes);
    this.headerBytes += bytes;
    if (this.headerBytes === needed) {
      if (this.closing) this.endStream(this.header.readInt32LE(0));
      else this.beginAnswer();
    }
    return bytes;
  }

  private beginAnswer(): void {
    const { pages, wire } = this.options;
    this.headerBytes = 0;
    const { command, flags, pages: count, page, id } = readHeader(this.header, wire);
    const run = this.asked.shift();
    if (run === undefined) throw transferFailed('the source sent more than it was asked for');
    const asked = pages.whereIs(run.index);
    const fits = command === COMMAND.add && (flags & PAGE_FLAGS.present) !== 0 && count > 0;
    if (!fits || page !== asked.page || id !== asked.pid || count > run.pages)
      throw transferFailed('the source sent other pages than it was asked for');
    this.askedPages -= run.pages;
    pages.release({ index: run.index + count, pages: run.pages - count });
    this.place = run.index * PAGE_BYTES;
    this.left = count * PAGE_BYTES;
  }

  private endStream(status: number): void {
    this.options.stream.end();
    this.settle(status === 0);
  }

  private settle(goodbye: boolean): void {
    this.cancelGrace();
    this.resolve(goodbye);
  }

  /** The stream is over, from the other end. */
  private ended(how: string): void {
    if (this.closing) this.settle(false);
    else this.fail(transferFailed(`${how} before all pages were here`, this.options.stream.ends));
  }

  private fail(error: unknown): void {
    const { stream } = this.options;
    if (this.closing) {
      this.settle(false);
      return;
    }
    const failure = asTransferFailure(error, 'fetching pages', stream);
    this.closing = true;
    this.reject(failure);
    stream.off('data', this.onData).destroy(failure);
  }
}
