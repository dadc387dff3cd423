import { REMOTE, type SegmentTable } from './segments.ts';
import { PAGE_BYTES } from './wire.ts';

/** Pages of one process that follow each other, numbered among all pages that the source still has. */
export interface RemoteRun {
  readonly index: number;
  readonly pages: number;
}

/** Nobody asked for it; asked for; here and not handed out; handed out and still here; handed out and forgotten. */
const STATE = { missing: 0, asked: 1, here: 2, served: 3, forgotten: 4 } as const;

/** Memory is taken and given back in pieces of so many pages. */
const CHUNK_PAGES = 1024;
/** Chunks that are kept for the next pages instead of being left to the garbage collector. */
const SPARE_CHUNKS = 8;

/**
 * The pages that the source still has: which are here, which are asked for, and what they hold. Those that were handed
 * out are kept (`keep`), or forgotten a chunk at a time: then the whole memory is never here twice, and one that is
 * wanted again (by a child that was forked meanwhile) is fetched again.
 */
export class RemotePages {
  /** All of them. */
  readonly total: number;
  /** How many came from the source, again ones included. */
  received = 0;
  /** How many are here and were not handed out yet. */
  waiting = 0;
  private readonly keep: boolean;
  private readonly states: Uint8Array;
  private readonly chunks: (Buffer | undefined)[];
  /** By chunk: pages that were not handed out since they were last wanted. */
  private readonly open: Uint32Array;
  private readonly spare: Buffer[] = [];
  /** One range an entry, ascending by its first index. */
  private readonly indexes: number[] = [];
  private readonly pids: number[] = [];
  private readonly starts: number[] = [];
  /** Have not come from the source, or are to come again. */
  private absent: number;
  /** Nobody has asked for them yet. */
  private unasked: number;
  /** Where to look for the next page that nobody asked for. */
  private cursor = 0;

  constructor(tasks: ReadonlyMap<number, SegmentTable>, total: number, options: { readonly keep: boolean }) {
    this.total = total;
    this.keep = options.keep;
    this.absent = total;
    this.unasked = total;
    this.states = new Uint8Array(total);
    this.chunks = Array(Math.ceil(total / CHUNK_PAGES));
    this.open = Uint32Array.from(this.chunks, (_none, chunk) => this.pagesOf(chunk));
    for (const [pid, segments] of tasks) {
      for (let index = 0; index < segments.length; index += 1) {
        if (segments.file(index) !== REMOTE) continue;
        this.indexes.push(segments.at(index));
        this.pids.push(pid);
        this.starts.push(segments.page(index));
      }
    }
  }

  /** Every page has come from the source. */
  get complete(): boolean {
    return this.absent === 0;
  }

  /** It has to be asked for. */
  isMissing(index: number): boolean {
    return this.states[index] === STATE.missing || this.states[index] === STATE.forgotten;
  }

  /** Nobody has asked for it, or what was asked for did not come. */
  isUnasked(index: number): boolean {
    return this.states[index] === STATE.missing;
  }

  /** How many of these pages, from the first on, are here. */
  hereFrom(index: number, pages: number): number {
    let count = 0;
    while (count < pages && this.isHere(index + count)) count += 1;
    return count;
  }

  /** The next pages nobody has asked for; they count as asked for from now on. */
  claimNext(pages: number): RemoteRun | undefined {
    if (this.unasked === 0) return undefined;
    let index = this.states.indexOf(STATE.missing, this.cursor);
    if (index < 0) index = this.states.indexOf(STATE.missing);
    this.cursor = index;
    return this.claim(index, pages);
  }

  /** From here on the next pages are looked for: whoever wants these will want those that follow. */
  continueAt(index: number): void {
    this.cursor = Math.min(index, this.total);
  }

  /** The ranges of at most so many pages, together not more than `most`. */
  *smallRanges(pages: number, most: number): Generator<RemoteRun> {
    let left = most;
    for (const [range, index] of this.indexes.entries()) {
      const count = this.rangeEnd(range) - index;
      if (count > pages) continue;
      left -= count;
      if (left < 0) return;
      yield { index, pages: count };
    }
  }

  /** The missing pages right before this one, back to where the block of so many pages begins that it is in. */
  claimBefore(index: number, blockPages: number): RemoteRun {
    const range = this.range(index);
    const first = this.indexes[range] as number;
    const page = (this.starts[range] as number) + index - first;
    const stop = Math.max(first, index - (page % blockPages));
    let start = index;
    while (start > stop && this.isMissing(start - 1)) start -= 1;
    return this.claim(start, index - start);
  }

  /** The missing pages from this one on, as far as they are one run. */
  claim(index: number, pages: number): RemoteRun {
    const end = Math.min(index + pages, this.rangeEnd(this.range(index)));
    let stop = index;
    for (; stop < end && this.isMissing(stop); stop += 1) {
      if (this.states[stop] === STATE.forgotten) this.reopen(stop);
      else this.unasked -= 1;
      this.states[stop] = STATE.asked;
    }
    return { index, pages: stop - index };
  }

  /** Pages that were asked for and not sent are missing again. */
  release({ index, pages }: RemoteRun): void {
    this.states.fill(STATE.missing, index, index + pages);
    this.unasked += pages;
    if (pages > 0) this.cursor = Math.min(this.cursor, index);
  }

  /** Whose page it is, and which. */
  whereIs(index: number): { readonly pid: number; readonly page: number } {
    const range = this.range(index);
    const offset = index - (this.indexes[range] as number);
    return { pid: this.pids[range] as number, page: (this.starts[range] as number) + offset };
  }

  /** Takes a piece of what was asked for, from `place`, in bytes, on; whole pages become readable. */
  store(from: Buffer, offset: number, bytes: number, place: number): void {
    for (let done = 0; done < bytes; ) {
      const chunk = Math.floor((place + done) / (CHUNK_PAGES * PAGE_BYTES));
      const into = this.memoryOf(chunk);
      const at = place + done - chunk * CHUNK_PAGES * PAGE_BYTES;
      const piece = Math.min(bytes - done, CHUNK_PAGES * PAGE_BYTES - at);
      from.copy(into, at, offset + done, offset + done + piece);
      done += piece;
    }
    const first = Math.floor(place / PAGE_BYTES);
    const stop = Math.floor((place + bytes) / PAGE_BYTES);
    this.states.fill(STATE.here, first, stop);
    this.received += stop - first;
    this.absent -= stop - first;
    this.waiting += stop - first;
  }

  /** Hands out pages that are here, all in one run. */
  take(index: number, into: Buffer, offset: number, pages: number): void {
    for (let done = 0; done < pages; ) {
      const chunk = Math.floor((index + done) / CHUNK_PAGES);
      const at = index + done - chunk * CHUNK_PAGES;
      const count = Math.min(pages - done, CHUNK_PAGES - at);
      const from = this.chunks[chunk] as Buffer;
      from.copy(into, offset + done * PAGE_BYTES, at * PAGE_BYTES, (at + count) * PAGE_BYTES);
      this.served(chunk, index + done, count);
      done += count;
    }
  }

  close(): void {
    this.chunks.fill(undefined);
    this.spare.length = 0;
  }

  private isHere(index: number): boolean {
    return this.states[index] === STATE.here || this.states[index] === STATE.served;
  }

  private served(chunk: number, index: number, pages: number): void {
    let fresh = 0;
    for (let page = index; page < index + pages; page += 1) {
      if (this.states[page] === STATE.here) fresh += 1;
      this.states[page] = STATE.served;
    }
    this.waiting -= fresh;
    this.open[chunk] = (this.open[chunk] as number) - fresh;
    if (this.open[chunk] === 0 && !this.keep) this.forget(chunk);
  }

  private forget(chunk: number): void {
    const first = chunk * CHUNK_PAGES;
    this.states.fill(STATE.forgotten, first, first + this.pagesOf(chunk));
    const memory = this.chunks[chunk];
    this.chunks[chunk] = undefined;
    if (memory?.length === CHUNK_PAGES * PAGE_BYTES && this.spare.length < SPARE_CHUNKS)
      this.spare.push(memory);
  }

  private reopen(index: number): void {
    const chunk = Math.floor(index / CHUNK_PAGES);
    this.open[chunk] = (this.open[chunk] as number) + 1;
    this.absent += 1;
  }

  private memoryOf(chunk: number): Buffer {
    const bytes = this.pagesOf(chunk) * PAGE_BYTES;
    const whole = bytes === CHUNK_PAGES * PAGE_BYTES;
    this.chunks[chunk] ??= (whole ? this.spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes);
    return this.chunks[chunk];
  }

  private pagesOf(chunk: number): number {
    return Math.min(CHUNK_PAGES, this.total - chunk * CHUNK_PAGES);
  }

  private rangeEnd(range: number): number {
    return this.indexes[range + 1] ?? this.total;
  }

  private range(index: number): number {
    let low = 0;
    let high = this.indexes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.indexes[middle] as number) <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
