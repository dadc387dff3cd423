/** Chunks smaller than this are copied together while they wait, so that tiny frames cannot cost many objects. */
const SMALL_BYTES = 4 * 1024;
const SLAB_BYTES = 16 * 1024;

/** The receiving half of a stream: what arrived and was not taken by the reader yet, at most the announced window. */
export class Inbox {
  /** Bytes the peer may have under way. */
  readonly window: number;
  private readonly queue: Buffer[] = [];
  /** Backs the last chunk in the queue when that one is made of small pieces. */
  private slab: Buffer | undefined;
  private waitingBytes = 0;
  private takenBytes = 0;
  private ackedBytes = 0;

  constructor(window: number) {
    this.window = window;
  }

  get empty(): boolean {
    return this.queue.length === 0;
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
    return this.takenBytes + this.waitingBytes + bytes <= this.ackedBytes + this.window;
  }

  /** Counts bytes that went straight to the reader. */
  pass(bytes: number): void {
    this.takenBytes += bytes;
  }

  /** Keeps a chunk for later. */
  add(chunk: Buffer): void {
    this.waitingBytes += chunk.length;
    if (chunk.length < SMALL_BYTES) {
      this.addSmall(chunk);
    } else {
      this.slab = undefined;
      this.queue.push(chunk);
    }
  }

  /** The next chunk, now taken. */
  take(): Buffer | undefined {
    const chunk = this.queue.shift();
    if (chunk === undefined) return undefined;
    if (this.empty) this.slab = undefined;
    this.waitingBytes -= chunk.length;
    this.takenBytes += chunk.length;
    return chunk;
  }

  private addSmall(chunk: Buffer): void {
    let used = this.slab === undefined ? 0 : (this.queue.at(-1)?.length ?? 0);
    if (this.slab === undefined || used + chunk.length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      used = 0;
      this.queue.push(this.slab);
    }
    chunk.copy(this.slab, used);
    this.queue[this.queue.length - 1] = this.slab.subarray(0, used + chunk.length);
  }
}
