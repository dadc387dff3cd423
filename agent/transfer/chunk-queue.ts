/** Chunks smaller than this are copied together while they wait, so that tiny ones cannot cost many objects. */
const SMALL_BYTES = 4 * 1024;
const SLAB_BYTES = 16 * 1024;

/** Bytes that wait, first in first out. It keeps references: a chunk must not be changed while it is in here. */
export class ChunkQueue {
  private chunks: Buffer[] = [];
  /** Backs the last chunk when that one is made of small pieces. */
  private slab: Buffer | undefined;
  private slabUsed = 0;
  private total = 0;

  get bytes(): number {
    return this.total;
  }

  get empty(): boolean {
    return this.chunks.length === 0;
  }

  add(chunk: Buffer): void {
    this.total += chunk.length;
    if (chunk.length < SMALL_BYTES) {
      this.addSmall(chunk);
    } else {
      this.slab = undefined;
      this.chunks.push(chunk);
    }
  }

  /** The first chunk, which is not in here any more. */
  shift(): Buffer | undefined {
    const chunk = this.chunks.shift();
    if (chunk === undefined) return undefined;
    if (this.empty) this.slab = undefined;
    this.total -= chunk.length;
    return chunk;
  }

  /** Forgets the first `bytes`; there must be so many. */
  drop(bytes: number): void {
    for (let left = bytes; left > 0; ) {
      const first = this.chunks[0] as Buffer;
      if (first.length > left) {
        this.chunks[0] = first.subarray(left);
        this.total -= left;
        return;
      }
      left -= first.length;
      this.shift();
    }
  }

  /** `size` bytes from the place `from` on, as views; there must be so many. */
  views(from: number, size: number): Buffer[] {
    const views: Buffer[] = [];
    let at = 0;
    for (const chunk of this.chunks) {
      const begin = Math.max(from - at, 0);
      const end = Math.min(from + size - at, chunk.length);
      if (end <= 0) break;
      if (begin < end) views.push(chunk.subarray(begin, end));
      at += chunk.length;
    }
    return views;
  }

  clear(): void {
    this.chunks = [];
    this.slab = undefined;
    this.total = 0;
  }

  private addSmall(chunk: Buffer): void {
    if (this.slab === undefined || this.slabUsed + chunk.length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.slabUsed = 0;
      this.chunks.push(this.slab.subarray(0, 0));
    }
    const last = this.chunks.length - 1;
    const begin = this.slabUsed - (this.chunks[last] as Buffer).length;
    chunk.copy(this.slab, this.slabUsed);
    this.slabUsed += chunk.length;
    this.chunks[last] = this.slab.subarray(begin, this.slabUsed);
  }
}
