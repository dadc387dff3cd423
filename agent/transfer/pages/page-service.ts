import { ByteReader } from '../byte-reader.ts';
import { type TransferLog, transferFailed } from '../failure.ts';
import type { DataStream, Meter } from '../stream.ts';
import { ANSWER_PAGES } from './answers.ts';
import { MemoryGone, type TaskMemory } from './task-memory.ts';
import {
  COMMAND,
  goneAnswer,
  type Header,
  PAGE_BYTES,
  PAGE_FLAGS,
  readHeader,
  STREAM_WIRE,
  writeHeader,
} from './wire.ts';

export interface PageServiceOptions {
  readonly memory: TaskMemory;
  /** Counts and limits what is sent. */
  readonly meter: Meter;
  readonly log: TransferLog;
}

/**
 * The source's end: hands out the memory of its frozen tasks, as often as somebody asks. The target has one connection at
 * a time; a new one means that it has given up the one before.
 */
export class PageService {
  private readonly options: PageServiceOptions;
  private readonly streams = new Set<DataStream>();
  private serving: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(options: PageServiceOptions) {
    this.options = options;
  }

  /** Answers over this stream from now on. */
  take(stream: DataStream): void {
    stream.on('error', () => {});
    for (const old of this.streams) old.destroy(transferFailed('the target has made another connection'));
    // One that broke meanwhile would say so to nobody.
    if (stream.destroyed) return;
    if (this.closing !== undefined) {
      stream.destroy(transferFailed('the pages are not handed out any more'));
      return;
    }
    this.streams.add(stream);
    stream.once('close', () => this.streams.delete(stream));
    this.serving = Promise.all([this.serving, this.serve(stream)]).then(() => {});
  }

  /** Ends the connections and the use of the memory. */
  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    for (const stream of this.streams)
      stream.destroy(transferFailed('the pages are not handed out any more'));
    await this.serving;
    await this.options.memory.close();
  }

  /** Never rejects: a connection that breaks is the target's to make again. */
  private async serve(stream: DataStream): Promise<void> {
    const reader = new ByteReader(stream);
    const closed = new AbortController();
    stream.once('close', () => closed.abort(transferFailed('the connection was closed')));
    try {
      for (;;) {
        const request = readHeader(await reader.exactly(STREAM_WIRE), STREAM_WIRE);
        await this.answer(stream, request, closed.signal);
      }
    } catch (error) {
      // The target ends it when it needs nothing more.
      if (stream.readableEnded) stream.end();
      else stream.destroy(error as Error);
    }
  }

  private async answer(stream: DataStream, request: Header, closed: AbortSignal): Promise<void> {
    const { memory, meter, log } = this.options;
    const { command, page, id } = request;
    if (command !== COMMAND.get || request.pages === 0)
      throw transferFailed(`the target sent the command ${command}`);
    const pages = Math.min(request.pages, ANSWER_PAGES);
    const bytes = Buffer.allocUnsafe(STREAM_WIRE + pages * PAGE_BYTES);
    writeHeader(bytes, STREAM_WIRE, { command: COMMAND.add, flags: PAGE_FLAGS.present, pages, page, id });
    try {
      await memory.read(id, page, pages, bytes, STREAM_WIRE);
    } catch (error) {
      if (!(error instanceof MemoryGone)) throw error;
      log.warn({ stream: stream.id, problem: error.message }, 'the target asks for pages that are gone');
      await write(stream, goneAnswer(request));
      return;
    }
    await meter.pass(bytes.length, closed);
    await write(stream, bytes);
  }
}

/** Resolves when more may be written. @throws Error of the stream */
function write(stream: DataStream, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream.destroyed) return reject(stream.errored ?? new Error('it was closed'));
    if (stream.write(bytes)) return resolve();
    const onDrain = (): void => {
      stream.off('close', onClose);
      resolve();
    };
    const onClose = (): void => {
      stream.off('drain', onDrain);
      reject(stream.errored ?? new Error('it was closed'));
    };
    stream.once('drain', onDrain).once('close', onClose);
  });
}
