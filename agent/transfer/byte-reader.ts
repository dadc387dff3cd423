import type { Readable } from 'node:stream';
import { transferFailed } from './failure.ts';

/** Buffered while nobody reads. */
const HIGH_BYTES = 1024 * 1024;

/** Reads exact numbers of bytes from a stream, without copying what need not be in one piece. One reader at a time. */
export class ByteReader {
  private readonly source: Readable;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private ended = false;
  private failure: unknown;
  private wake: (() => void) | undefined;

  constructor(source: Readable) {
    this.source = source;
    source.on('data', this.onData).on('end', this.onEnd).on('error', this.onError).on('close', this.onClose);
  }

  /** Exactly `bytes` bytes in one piece. Rejects with the stream's error, or when it ends before. */
  async exactly(bytes: number): Promise<Buffer> {
    while (this.bytes < bytes) await this.more();
    const first = this.chunks[0];
    if (first !== undefined && first.length >= bytes) return this.cut(first, bytes);
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const part = this.cut(this.chunks[0] as Buffer, left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** The next piece, of at most `bytes` bytes and at least one. */
  async some(bytes: number): Promise<Buffer> {
    while (this.bytes === 0) await this.more();
    return this.cut(this.chunks[0] as Buffer, bytes);
  }

  /** Resolves at the end of the stream; rejects if anything else comes. */
  async end(): Promise<void> {
    while (!this.ended) {
      if (this.bytes > 0) throw transferFailed('more data than there should be');
      await this.more();
    }
  }

  /** Stops listening. */
  release(): void {
    const { source } = this;
    source
      .off('data', this.onData)
      .off('end', this.onEnd)
      .off('error', this.onError)
      .off('close', this.onClose);
  }

  private readonly onData = (chunk: Buffer): void => {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes >= HIGH_BYTES) this.source.pause();
    this.wake?.();
  };
  private readonly onEnd = (): void => {
    this.ended = true;
    this.wake?.();
  };
  private readonly onError = (error: unknown): void => {
    this.failure ??= error;
    this.wake?.();
  };
  private readonly onClose = (): void => {
    if (!this.ended) this.onError(this.source.errored ?? transferFailed('closed before the end'));
  };

  private async more(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (this.ended) throw transferFailed('the stream ended too early');
    this.source.resume();
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.wake = undefined;
  }

  private cut(first: Buffer, bytes: number): Buffer {
    const part = first.length <= bytes ? first : first.subarray(0, bytes);
    if (part === first) this.chunks.shift();
    else this.chunks[0] = first.subarray(bytes);
    this.bytes -= part.length;
    return part;
  }
}
