import { transferFailed } from '../failure.ts';

/** Bytes of a header: 24 up to CRIU 4.1 (32 bits for the number of pages), 32 from 4.2 on (64 bits). */
export type WireFormat = 24 | 32;

/** Commands of CRIU's page-server protocol that occur between a lazy-pages daemon and its page server. */
export const COMMAND = { add: 6, get: 7, close: 0x1023, forceClose: 0x1024 } as const;

/** The header's form between two agents, whatever their CRIUs speak. */
export const STREAM_WIRE: WireFormat = 32;

/** Flags of a pagemap entry, and of an answer. */
export const PAGE_FLAGS = { parent: 1, lazy: 2, present: 4 } as const;

export const PAGE_BYTES = 4096;
/** What answers a close: a 32-bit status. */
export const STATUS_BYTES = 4;

const FLAGS_SHIFT = 16;
const TWO_32 = 2 ** 32;
/** 2^64 bytes of address space. */
const END_PAGE = 2 ** 52;

/** One header. Addresses are page numbers (address / 4096), so that they are exact. */
export interface Header {
  readonly command: number;
  readonly flags: number;
  readonly pages: number;
  readonly page: number;
  /** Whose memory: the pid in the images. */
  readonly id: number;
}

/** Writes a header at the start of `into`, which must have room for it. */
export function writeHeader(into: Buffer, wire: WireFormat, header: Header): void {
  const at = wire === 24 ? 8 : 16;
  into.writeUInt32LE(((header.flags << FLAGS_SHIFT) | header.command) >>> 0, 0);
  into.writeUInt32LE(wire === 24 ? header.pages : 0, 4);
  if (wire === 32) writeUint64(into, header.pages, 8);
  into.writeUInt32LE((header.page * PAGE_BYTES) % TWO_32, at);
  into.writeUInt32LE(Math.floor(header.page / 2 ** 20), at + 4);
  writeUint64(into, header.id, at + 8);
}

/** Reads the header at the start of `from`. @throws GodwitError TRANSFER_FAILED when no such pages can exist */
export function readHeader(from: Buffer, wire: WireFormat): Header {
  const at = wire === 24 ? 8 : 16;
  const command = from.readUInt32LE(0);
  const low = from.readUInt32LE(at);
  const page = from.readUInt32LE(at + 4) * 2 ** 20 + Math.floor(low / PAGE_BYTES);
  const pages = wire === 24 ? from.readUInt32LE(4) : readUint64(from, 8);
  const id = readUint64(from, at + 8);
  if (low % PAGE_BYTES !== 0) throw transferFailed('a header whose address is not that of a page');
  if (!Number.isSafeInteger(id) || page + pages > END_PAGE) throw transferFailed('a header out of range');
  return { command: command & 0xffff, flags: command >>> FLAGS_SHIFT, pages, page, id };
}

/** The answer of a source whose tasks have died: no pages, and none will ever follow. */
export function goneAnswer({ page, id }: Pick<Header, 'page' | 'id'>): Buffer {
  const bytes = Buffer.alloc(STREAM_WIRE);
  writeHeader(bytes, STREAM_WIRE, { command: COMMAND.add, flags: 0, pages: 0, page, id });
  return bytes;
}

export function isGoneAnswer({ command, flags, pages }: Header): boolean {
  return command === COMMAND.add && flags === 0 && pages === 0;
}

function writeUint64(into: Buffer, value: number, at: number): void {
  into.writeUInt32LE(value % TWO_32, at);
  into.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}

function readUint64(from: Buffer, at: number): number {
  return from.readUInt32LE(at + 4) * TWO_32 + from.readUInt32LE(at);
}
