import { ChunkQueue } from './chunk-queue.ts';

/** The receiving half of a stream: what arrived and was not taken by the reader yet, at most the announced window. */
export class Inbox {
  /** Bytes the peer may have under way. */
  readonly window: number;
  private readonly queue = new ChunkQueue();
  private takenBytes = 0;
  private ackedBytes = 0;

  constructor(window: number) {
    this.window = window;
  }

  get empty(): boolean {
    return this.queue.empty;
  }

  /** Bytes that arrived. */
  get received(): number {
    return this.takenBytes + this.queue.bytes;
  }

  /** Bytes the reader has taken: what is to be acknowledged. */
  get taken(): number {
    return this.takenBytes;
  }

  /** True when so much was taken since the last ack that the sender should hear of it before it runs dry. */
  get ackDue(): boolean {
    return this.takenBytes - this.ackedBytes >= this.window / 4;
  }

  /** An ack of everything taken so far is on its way. */
  acked(): void {
    this.ackedBytes = this.takenBytes;
  }

  /** True if `bytes` more are within what the peer was told it may send. */
  fits(bytes: number): boolean {
    return this.received + bytes <= this.ackedBytes + this.window;
  }

  /** Counts bytes that went straight to the reader. */
  pass(bytes: number): void {
    this.takenBytes += bytes;
  }

  /** Keeps a chunk for later. */
  add(chunk: Buffer): void {
    this.queue.add(chunk);
  }

  /** The next chunk, now taken. */
  take(): Buffer | undefined {
    const chunk = this.queue.shift();
    if (chunk !== undefined) this.takenBytes += chunk.length;
    return chunk;
  }

  /** Nobody will take the rest. */
  clear(): void {
    this.queue.clear();
  }
}
