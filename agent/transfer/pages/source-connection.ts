import { asTransferFailure, goneForGood, transferFailed } from '../failure.ts';
import type { DataStream } from '../stream.ts';
import type { RemotePages, RemoteRun } from './remote-pages.ts';
import {
  COMMAND,
  isGoneAnswer,
  PAGE_BYTES,
  PAGE_FLAGS,
  readHeader,
  STREAM_WIRE,
  writeHeader,
} from './wire.ts';

export interface SourceConnectionOptions {
  readonly stream: DataStream;
  readonly pages: RemotePages;
  /** An answer is complete. */
  readonly answered: () => void;
  /** Some pages more are here. */
  readonly arrived: () => void;
}

/** One connection to the source: what is asked over it is answered over it, in order, or not at all. */
export class SourceConnection {
  /** It is over, for this reason (see isGoneForGood); what was not answered is missing again. */
  readonly ended: Promise<Error>;
  /** Pages that are under way. */
  askedPages = 0;
  /** It has brought something. */
  useful = false;
  private readonly options: SourceConnectionOptions;
  private readonly asked: RemoteRun[] = [];
  private readonly header = Buffer.alloc(STREAM_WIRE);
  private headerBytes = 0;
  /** Where the rest of the current answer goes, in bytes. */
  private place = 0;
  private left = 0;
  private over = false;
  private resolve!: (reason: Error) => void;

  constructor(options: SourceConnectionOptions) {
    this.options = options;
    this.ended = new Promise((resolve) => {
      this.resolve = resolve;
    });
    const { stream } = options;
    stream
      .on('data', this.onData)
      .on('end', () => this.end(transferFailed('the source ended it', stream.ends)))
      .on('error', (error: Error) => this.end(error))
      .on('close', () => this.end(transferFailed('it was closed', stream.ends)));
  }

  ask(run: RemoteRun): void {
    const { pid, page } = this.options.pages.whereIs(run.index);
    const bytes = Buffer.alloc(STREAM_WIRE);
    writeHeader(bytes, STREAM_WIRE, { command: COMMAND.get, flags: 0, pages: run.pages, page, id: pid });
    this.asked.push(run);
    this.askedPages += run.pages;
    if (!this.options.stream.destroyed) this.options.stream.write(bytes);
  }

  /** Nothing more is needed. */
  close(): void {
    this.options.stream.end();
    this.end(transferFailed('it is not needed any more'), true);
  }

  private readonly onData = (chunk: Buffer): void => {
    try {
      for (let at = 0; at < chunk.length && !this.over; ) at += this.take(chunk, at);
    } catch (error) {
      this.end(asTransferFailure(error, 'fetching pages', this.options.stream));
      return;
    }
    if (!this.over) this.options.arrived();
  };

  /** Uses up some bytes of a chunk from this place on; returns how many. */
  private take(chunk: Buffer, at: number): number {
    if (this.left > 0) {
      const bytes = Math.min(this.left, chunk.length - at);
      this.options.pages.store(chunk, at, bytes, this.place);
      this.place += bytes;
      this.left -= bytes;
      this.useful = true;
      if (this.left === 0) this.options.answered();
      return bytes;
    }
    const bytes = Math.min(STREAM_WIRE - this.headerBytes, chunk.length - at);
    chunk.copy(this.header, this.headerBytes, at, at + bytes);
    this.headerBytes += bytes;
    if (this.headerBytes === STREAM_WIRE) this.beginAnswer();
    return bytes;
  }

  private beginAnswer(): void {
    const { pages, stream } = this.options;
    this.headerBytes = 0;
    const header = readHeader(this.header, STREAM_WIRE);
    const run = this.asked[0];
    if (run === undefined) throw transferFailed('the source sent more than it was asked for');
    const asked = pages.whereIs(run.index);
    const same = header.page === asked.page && header.id === asked.pid;
    if (same && isGoneAnswer(header))
      throw goneForGood('the frozen tasks at the source are gone', stream.ends);
    const { command, flags, pages: count } = header;
    const fits = command === COMMAND.add && (flags & PAGE_FLAGS.present) !== 0 && count > 0;
    if (!fits || !same || count > run.pages)
      throw transferFailed('the source sent other pages than it was asked for');
    this.asked.shift();
    this.askedPages -= run.pages;
    pages.release({ index: run.index + count, pages: run.pages - count });
    this.place = run.index * PAGE_BYTES;
    this.left = count * PAGE_BYTES;
  }

  private end(error: Error, orderly = false): void {
    if (this.over) return;
    this.over = true;
    const { stream, pages } = this.options;
    stream.off('data', this.onData).resume();
    if (!orderly) stream.destroy(error);
    const first = Math.floor(this.place / PAGE_BYTES);
    if (this.left > 0) pages.release({ index: first, pages: (this.place + this.left) / PAGE_BYTES - first });
    for (const run of this.asked) pages.release(run);
    this.resolve(error);
  }
}
