import { FieldReader, writeVarint } from '../../criu/protobuf.ts';
import { transferFailed } from '../failure.ts';
import { PAGE_BYTES, PAGE_FLAGS } from './wire.ts';

/** CRIU's magic numbers: of every image, then of its kind. */
export const MAGIC = { image: 0x54564319, pagemap: 0x56084025, mm: 0x57492820 } as const;
/** Both of them in front of the records; each record has its length in front. */
export const MAGIC_BYTES = 8;
export const LENGTH_BYTES = 4;

const FIELD = { page: 1, pagesShort: 2, inParent: 3, flags: 4, pages: 5 } as const;
const ALL_FLAGS = PAGE_FLAGS.parent | PAGE_FLAGS.lazy | PAGE_FLAGS.present;
const END_PAGE = 2 ** 52;
/** Length, address, both counts and flags, each with its key. */
const ENTRY_BYTES = LENGTH_BYTES + 11 + 11 + 2 + 11;
const HEAD_BYTES = MAGIC_BYTES + LENGTH_BYTES + 6;

/** A `pagemap-<pid>.img`, its entries in ascending order without overlaps. */
export interface Pagemap {
  /** Its content is in `pages-<pagesId>.img`. */
  readonly pagesId: number;
  readonly entries: EntryTable;
}

/** Entries of a pagemap as plain number arrays. */
export class EntryTable {
  length = 0;
  private starts: Float64Array;
  private counts: Float64Array;
  private marks: Uint8Array;

  constructor(capacity: number) {
    this.starts = new Float64Array(capacity);
    this.counts = new Float64Array(capacity);
    this.marks = new Uint8Array(capacity);
  }

  page(index: number): number {
    return this.starts[index] as number;
  }

  pages(index: number): number {
    return this.counts[index] as number;
  }

  flags(index: number): number {
    return this.marks[index] as number;
  }

  /** Appends an entry; one that goes on where the last one ends, with the same flags, makes that one longer. */
  add(page: number, pages: number, flags: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.page(last) + this.pages(last) === page && this.flags(last) === flags) {
      this.counts[last] = this.pages(last) + pages;
      return;
    }
    if (this.length === this.starts.length) this.grow();
    this.starts[this.length] = page;
    this.counts[this.length] = pages;
    this.marks[this.length] = flags;
    this.length += 1;
  }

  private grow(): void {
    const { starts, counts, marks } = this;
    const capacity = Math.max(64, starts.length * 2);
    this.starts = new Float64Array(capacity);
    this.starts.set(starts);
    this.counts = new Float64Array(capacity);
    this.counts.set(counts);
    this.marks = new Uint8Array(capacity);
    this.marks.set(marks);
  }
}

/** Reads a pagemap, of CRIU 4.1 or 4.2. @throws GodwitError TRANSFER_FAILED when it is not a sound one */
export function decodePagemap(image: Buffer): Pagemap {
  checkMagic(image, MAGIC.pagemap);
  const fields = new FieldReader(image, transferFailed);
  let at = enterRecord(image, MAGIC_BYTES, fields);
  let pagesId = -1;
  while (fields.next()) if (fields.field === 1 && !fields.isBytes) pagesId = fields.value;
  if (pagesId < 0 || pagesId >= 2 ** 32) throw transferFailed('a pagemap without its pages');
  // The shortest entry has 10 bytes; a table that is too small grows.
  const entries = new EntryTable(Math.ceil((image.length - at) / 16));
  let end = 0;
  while (at < image.length) {
    at = enterRecord(image, at, fields);
    let page = -1;
    let short = 0;
    let pages = -1;
    let flags: number = PAGE_FLAGS.present;
    let inParent = false;
    while (fields.next()) {
      if (fields.isBytes) continue;
      if (fields.field === FIELD.page) page = fields.page;
      else if (fields.field === FIELD.pagesShort) short = fields.value;
      else if (fields.field === FIELD.pages) pages = fields.value;
      else if (fields.field === FIELD.flags) flags = fields.value;
      else if (fields.field === FIELD.inParent) inParent = fields.value !== 0;
    }
    if (inParent) flags = PAGE_FLAGS.parent;
    if (pages < 0) pages = short;
    if (flags < 1 || flags > ALL_FLAGS) throw transferFailed(`pages with the flags ${flags}`);
    if (pages < 1 || page < end || page + pages > END_PAGE) throw transferFailed('pages out of order');
    end = page + pages;
    entries.add(page, pages, flags);
  }
  return { pagesId, entries };
}

/** Writes a pagemap that CRIU 4.1 and 4.2 both read. */
export function encodePagemap({ pagesId, entries }: Pagemap): Buffer {
  const image = Buffer.alloc(HEAD_BYTES + entries.length * ENTRY_BYTES);
  image.writeUInt32LE(MAGIC.image, 0);
  image.writeUInt32LE(MAGIC.pagemap, 4);
  image[12] = (1 << 3) | 0;
  let at = sealed(image, MAGIC_BYTES, writeVarint(image, pagesId, 13));
  for (let index = 0; index < entries.length; index += 1) {
    const record = at;
    const pages = entries.pages(index);
    at += LENGTH_BYTES;
    image[at++] = FIELD.page << 3;
    at = writeAddress(image, entries.page(index), at);
    image[at++] = FIELD.pagesShort << 3;
    at = writeVarint(image, Math.min(pages, 2 ** 32 - 1), at);
    image[at++] = FIELD.flags << 3;
    image[at++] = entries.flags(index);
    image[at++] = FIELD.pages << 3;
    at = sealed(image, record, writeVarint(image, pages, at));
  }
  return image.subarray(0, at);
}

/** @throws GodwitError TRANSFER_FAILED when the image is not of this kind */
export function checkMagic(image: Buffer, kind: number): void {
  const sound =
    image.length >= MAGIC_BYTES && image.readUInt32LE(0) === MAGIC.image && image.readUInt32LE(4) === kind;
  if (!sound) throw transferFailed('not an image of the kind that its name says');
}

/** Turns `fields` to the record at this place and returns the place after it. @throws GodwitError TRANSFER_FAILED */
export function enterRecord(image: Buffer, at: number, fields: FieldReader): number {
  const start = at + LENGTH_BYTES;
  const end = start <= image.length ? start + image.readUInt32LE(at) : Number.POSITIVE_INFINITY;
  if (end > image.length) throw transferFailed('an image that was cut off');
  fields.enter(start, end);
  return end;
}

/** Writes the record's length in front of it. */
function sealed(image: Buffer, record: number, end: number): number {
  image.writeUInt32LE(end - record - LENGTH_BYTES, record);
  return end;
}

/** An address is a page number times 4096, which may be beyond 2^53: its low two groups of seven bits are written apart. */
function writeAddress(into: Uint8Array, page: number, at: number): number {
  if (page * PAGE_BYTES < 2 ** 53) return writeVarint(into, page * PAGE_BYTES, at);
  into[at] = 128;
  into[at + 1] = ((page % 4) << 5) | 128;
  return writeVarint(into, Math.floor(page / 4), at + 2);
}
