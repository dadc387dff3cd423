/** Where the content of a run of pages is, and whether it may be lazy. */
export type Visit = (page: number, pages: number, file: number, at: number, lazy: boolean) => void;

/** Stands for a file: the pages are still at the source; `at` is then the index among all such pages. */
export const REMOTE = -1;

const FIRST_CAPACITY = 64;

/**
 * Runs of pages in ascending order that do not overlap, each from one place of one file. Plain number arrays: a
 * fragmented process has hundreds of thousands of runs.
 */
export class SegmentTable {
  length = 0;
  private starts = new Float64Array(FIRST_CAPACITY);
  private counts = new Float64Array(FIRST_CAPACITY);
  private files = new Int32Array(FIRST_CAPACITY);
  private places = new Float64Array(FIRST_CAPACITY);
  private lazies = new Uint8Array(FIRST_CAPACITY);

  /** Appends a run; one that continues the last one in every respect makes it longer instead. */
  readonly add: Visit = (page, pages, file, at, lazy) => {
    const last = this.length - 1;
    if (last >= 0 && this.end(last) === page && this.file(last) === file && this.lazy(last) === lazy) {
      if (this.at(last) + this.pages(last) === at) {
        this.counts[last] = this.pages(last) + pages;
        return;
      }
    }
    if (this.length === this.starts.length) this.grow();
    const index = this.length;
    this.starts[index] = page;
    this.counts[index] = pages;
    this.files[index] = file;
    this.places[index] = at;
    this.lazies[index] = lazy ? 1 : 0;
    this.length = index + 1;
  };

  page(index: number): number {
    return this.starts[index] as number;
  }

  pages(index: number): number {
    return this.counts[index] as number;
  }

  /** The page after the run. */
  end(index: number): number {
    return this.page(index) + this.pages(index);
  }

  file(index: number): number {
    return this.files[index] as number;
  }

  /** Where the run begins in its file, in pages. */
  at(index: number): number {
    return this.places[index] as number;
  }

  lazy(index: number): boolean {
    return this.lazies[index] === 1;
  }

  /** The run that contains this page, or -1. */
  find(page: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end(middle) <= page) low = middle + 1;
      else high = middle;
    }
    return low < this.length && this.page(low) <= page ? low : -1;
  }

  private grow(): void {
    const capacity = this.starts.length * 2;
    this.starts = grown(new Float64Array(capacity), this.starts);
    this.counts = grown(new Float64Array(capacity), this.counts);
    this.files = grown(new Int32Array(capacity), this.files);
    this.places = grown(new Float64Array(capacity), this.places);
    this.lazies = grown(new Uint8Array(capacity), this.lazies);
  }
}

function grown<T extends { set(from: T): void }>(bigger: T, from: T): T {
  bigger.set(from);
  return bigger;
}
