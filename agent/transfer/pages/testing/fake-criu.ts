import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ByteReader } from '../../byte-reader.ts';
import {
  COMMAND,
  goneAnswer,
  type Header,
  PAGE_BYTES,
  PAGE_FLAGS,
  readHeader,
  STREAM_WIRE,
  type WireFormat,
  writeHeader,
} from '../wire.ts';

/** Protocol-speaking stand-ins for the two that the page server stands between. */

export interface FakeSourceOptions {
  readonly stream: Duplex;
  /** The content of a page that is lazy in the final dump; undefined for all others. */
  readonly content: (pid: number, page: number) => Buffer | undefined;
  /** How many of the pages asked for the n-th answer has at most. */
  readonly atMost?: (answer: number) => number;
  /** The stream breaks in the middle of this answer. */
  readonly breakAt?: number;
  /** Instead of this answer it says that the tasks have died. */
  readonly goneAt?: number;
}

/** The source's page service; ends at the first request for what it has not. */
export class FakeSource {
  /** Pages it was asked for, as `pid/page`, in the order of its answers. */
  readonly sent: string[] = [];
  /** Resolves at the end: `closed` when nothing more is needed, else what was wrong. */
  readonly ended: Promise<string>;
  private readonly options: FakeSourceOptions;

  constructor(options: FakeSourceOptions) {
    const { stream } = options;
    this.options = options;
    this.ended = this.serve().catch((error: Error) => {
      if (!('readableEnded' in stream) || !stream.readableEnded) return error.message;
      stream.end();
      return 'closed';
    });
  }

  private async serve(): Promise<string> {
    const {
      stream,
      content,
      atMost = () => Number.POSITIVE_INFINITY,
      breakAt = -1,
      goneAt = -1,
    } = this.options;
    const reader = new ByteReader(stream);
    for (let answer = 0; ; answer += 1) {
      const { command, pages, page, id } = readHeader(await reader.exactly(STREAM_WIRE), STREAM_WIRE);
      if (answer === goneAt) {
        stream.write(goneAnswer({ page, id }));
        return 'gone';
      }
      const count = Math.max(1, Math.min(pages, atMost(answer)));
      const found = Array.from({ length: count }, (_none, index) => content(id, page + index));
      if (command !== COMMAND.get || pages < 1 || found.includes(undefined)) {
        stream.destroy(new Error(`asked for ${command} ${id}/${page}+${pages}`));
        return `asked for ${command} ${id}/${page}+${pages}`;
      }
      const header = Buffer.alloc(STREAM_WIRE);
      const flags = PAGE_FLAGS.present;
      writeHeader(header, STREAM_WIRE, { command: COMMAND.add, flags, pages: count, page, id });
      const bytes = Buffer.concat([header, ...(found as Buffer[])]);
      if (answer === breakAt) {
        stream.write(bytes.subarray(0, bytes.length - PAGE_BYTES / 2), () =>
          stream.destroy(new Error('the link broke')),
        );
        return 'broken';
      }
      for (let index = 0; index < count; index += 1) this.sent.push(`${id}/${page + index}`);
      stream.write(bytes);
    }
  }
}

/** A lazy-pages daemon: up to `width` requests at once, which are answered in order. */
export class FakeDaemon {
  private readonly socket: Socket;
  private readonly reader: ByteReader;
  private readonly wire: WireFormat;

  constructor(port: number, wire: WireFormat) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('error', () => {});
    this.reader = new ByteReader(this.socket);
    this.wire = wire;
  }

  ask(pid: number, page: number, pages: number, command: number = COMMAND.get): void {
    const header = Buffer.alloc(this.wire);
    writeHeader(header, this.wire, { command, flags: 0, pages, page, id: pid });
    this.socket.write(header);
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  async answer(): Promise<Header & { readonly content: Buffer }> {
    const header = readHeader(await this.reader.exactly(this.wire), this.wire);
    return { ...header, content: await this.reader.exactly(header.pages * PAGE_BYTES) };
  }

  /**
   * Gets all these runs of pages; short answers are asked for again. Calls `got` for each page.
   */
  async fetchAll(
    runs: readonly (readonly [pid: number, page: number, pages: number])[],
    width: number,
    got: (pid: number, page: number, content: Buffer) => void,
  ): Promise<void> {
    const left = [...runs];
    const asked: (readonly [number, number, number])[] = [];
    for (;;) {
      while (asked.length < width) {
        const run = left.shift();
        if (run === undefined) break;
        this.ask(...run);
        asked.push(run);
      }
      const run = asked.shift();
      if (run === undefined) return;
      const [pid, page, pages] = run;
      const answer = await this.answer();
      const fits = answer.command === COMMAND.add && answer.flags === PAGE_FLAGS.present;
      if (!fits || answer.id !== pid || answer.page !== page || answer.pages < 1 || answer.pages > pages)
        throw new Error(`asked for ${run}, got ${JSON.stringify({ ...answer, content: undefined })}`);
      for (let index = 0; index < answer.pages; index += 1)
        got(pid, page + index, answer.content.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
      if (answer.pages < pages) left.push([pid, page + answer.pages, pages - answer.pages]);
    }
  }

  /** Says goodbye; returns the status. */
  async close(command: number = COMMAND.close): Promise<number> {
    this.ask(0, 0, 0, command);
    const status = (await this.reader.exactly(4)).readInt32LE(0);
    await this.reader.end();
    this.socket.destroy();
    return status;
  }

  /** What the connection does within this time: nothing (`silent`), or it ends. */
  async within(ms: number): Promise<'silent' | 'ended' | 'data'> {
    const silence = new Promise<'silent'>((resolve) => {
      setTimeout(() => resolve('silent'), ms);
    });
    const other = this.reader.some(1).then(
      () => 'data' as const,
      () => 'ended' as const,
    );
    return await Promise.race([silence, other]);
  }

  /** Ends without a goodbye; what is answered is dropped. */
  end(): void {
    this.reader.release();
    this.socket.resume().end();
  }
}
