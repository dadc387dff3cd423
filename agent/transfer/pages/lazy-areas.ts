import { FieldReader } from '../../criu/protobuf.ts';
import { transferFailed } from '../failure.ts';
import { checkMagic, enterRecord, MAGIC, MAGIC_BYTES } from './pagemap.ts';

const VMAS = 14;
const FIELD = { start: 1, end: 2, flags: 6, status: 7 } as const;
/** mmap(2) flags, and CRIU's marks: vsyscall, vdso, vvar, and guard ranges, which lie in other areas and have no pages. */
const MAP = { private: 0x02, anonymous: 0x20, locked: 0x2000, hugetlb: 0x40000 } as const;
const NEVER_LAZY = (1 << 2) | (1 << 3) | (1 << 12) | (1 << 16);

/** Ranges of pages that a restore registers with userfaultfd: a page is lazy there or never. */
export interface LazyAreas {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/**
 * The areas of an `mm-<pid>.img` that may be lazy: CRIU's own rule (vma_entry_can_be_lazy). What a round says of a page is
 * not enough: memory that was locked since then is clean, and not registered any more.
 * @throws GodwitError TRANSFER_FAILED when it is not a sound image
 */
export function decodeLazyAreas(image: Buffer): LazyAreas {
  checkMagic(image, MAGIC.mm);
  const mm = new FieldReader(image, transferFailed);
  const vma = new FieldReader(image, transferFailed);
  enterRecord(image, MAGIC_BYTES, mm);
  const starts: number[] = [];
  const ends: number[] = [];
  let last = 0;
  while (mm.next()) {
    if (mm.field !== VMAS || !mm.isBytes) continue;
    vma.enter(mm.start, mm.stop);
    let start = 0;
    let end = 0;
    let flags = 0;
    let status = 0;
    while (vma.next()) {
      if (vma.isBytes) continue;
      if (vma.field === FIELD.start) start = vma.page;
      else if (vma.field === FIELD.end) end = vma.page;
      else if (vma.field === FIELD.flags) flags = vma.value;
      else if (vma.field === FIELD.status) status = vma.value;
    }
    if (!mayBeLazy(flags, status)) continue;
    if (start < last || end <= start) throw transferFailed('memory areas out of order');
    last = end;
    if (ends.length > 0 && ends.at(-1) === start) ends[ends.length - 1] = end;
    else ends.push(end) && starts.push(start);
  }
  return { starts: Float64Array.from(starts), ends: Float64Array.from(ends) };
}

/** Splits a run of pages at the borders of the areas. */
export function splitAtAreas(
  { starts, ends }: LazyAreas,
  page: number,
  pages: number,
  visit: (page: number, pages: number, inside: boolean) => void,
): void {
  const end = page + pages;
  let index = firstEndingAfter(ends, page);
  for (let at = page; at < end; ) {
    const start = index < starts.length ? (starts[index] as number) : Number.POSITIVE_INFINITY;
    const inside = start <= at;
    const stop = Math.min(end, inside ? (ends[index] as number) : start);
    visit(at, stop - at, inside);
    at = stop;
    if (inside) index += 1;
  }
}

function firstEndingAfter(ends: Float64Array, page: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] as number) <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mayBeLazy(flags: number, status: number): boolean {
  const wanted = MAP.private | MAP.anonymous;
  return (flags & (wanted | MAP.locked | MAP.hugetlb)) === wanted && (status & NEVER_LAZY) === 0;
}
