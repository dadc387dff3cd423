import type { ScratchFile } from './page-files.ts';
import { REMOTE, type SegmentTable } from './segments.ts';
import { PAGE_BYTES } from './wire.ts';

/** Pages of one process that follow each other, numbered among all pages that the source still has. */
export interface RemoteRun {
  readonly index: number;
  readonly pages: number;
}

const MISSING = 0;
const ASKED = 1;
const HERE = 2;

/** The pages that the source still has: which are here, which are asked for, and in a file what they hold. */
export class RemotePages {
  /** All of them. */
  readonly total: number;
  private readonly states: Uint8Array;
  private readonly file: ScratchFile;
  /** One range an entry, ascending by its first index. */
  private readonly indexes: number[] = [];
  private readonly pids: number[] = [];
  private readonly starts: number[] = [];
  /** Nothing before it is missing. */
  private cursor = 0;
  private arrived = 0;

  constructor(tasks: ReadonlyMap<number, SegmentTable>, total: number, file: ScratchFile) {
    this.total = total;
    this.file = file;
    this.states = new Uint8Array(total);
    for (const [pid, segments] of tasks) {
      for (let index = 0; index < segments.length; index += 1) {
        if (segments.file(index) !== REMOTE) continue;
        this.indexes.push(segments.at(index));
        this.pids.push(pid);
        this.starts.push(segments.page(index));
      }
    }
  }

  /** How many are here. */
  get here(): number {
    return this.arrived;
  }

  isMissing(index: number): boolean {
    return this.states[index] === MISSING;
  }

  /** How many of these pages, from the first on, are here. */
  hereFrom(index: number, pages: number): number {
    let count = 0;
    while (count < pages && this.states[index + count] === HERE) count += 1;
    return count;
  }

  /** The next pages nobody has asked for; they count as asked for from now on. */
  claimNext(pages: number): RemoteRun | undefined {
    const index = this.states.indexOf(MISSING, this.cursor);
    this.cursor = index < 0 ? this.total : index;
    return index < 0 ? undefined : this.claim(index, pages);
  }

  /** The missing pages from this one on, as far as they are one run. */
  claim(index: number, pages: number): RemoteRun {
    const next = this.indexes[this.range(index) + 1] ?? this.total;
    const end = Math.min(index + pages, next);
    let stop = index;
    while (stop < end && this.states[stop] === MISSING) stop += 1;
    this.states.fill(ASKED, index, stop);
    return { index, pages: stop - index };
  }

  /** Pages that were asked for and not sent are missing again. */
  release({ index, pages }: RemoteRun): void {
    this.states.fill(MISSING, index, index + pages);
    this.cursor = Math.min(this.cursor, index);
  }

  /** Whose page it is, and which. */
  whereIs(index: number): { readonly pid: number; readonly page: number } {
    const range = this.range(index);
    const offset = index - (this.indexes[range] as number);
    return { pid: this.pids[range] as number, page: (this.starts[range] as number) + offset };
  }

  /** Writes a piece of what was asked for, from `place`, in bytes, on; whole pages become readable. */
  store(from: Buffer, offset: number, bytes: number, place: number): void {
    this.file.write(from, offset, bytes, place);
    const first = Math.floor(place / PAGE_BYTES);
    const stop = Math.floor((place + bytes) / PAGE_BYTES);
    this.states.fill(HERE, first, stop);
    this.arrived += stop - first;
  }

  read(index: number, into: Buffer, offset: number, pages: number): void {
    this.file.read(into, offset, pages * PAGE_BYTES, index * PAGE_BYTES);
  }

  close(): void {
    this.file.close();
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
