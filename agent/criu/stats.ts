import { readFile } from 'node:fs/promises';
import { GodwitError, type Round } from '../../protocol/mod.ts';

/** Head of a criu service file and of its statistics, little-endian. */
const MAGICS = [0x5510_5940, 0x5709_3306] as const;
const HEAD_BYTES = 12;
/** A statistics file has some hundred bytes. */
const FILE_BYTES = 64 * 1024;
/** Pages in criu's statistics are of this size on x86-64 and on arm64 as distributions build it. */
const PAGE_BYTES = 4096;

/** Numbers of the fields of criu's `dump_stats_entry` (images/stats.proto). */
const FIELD = {
  frozenUs: 2,
  scanned: 5,
  skipped: 6,
  written: 7,
  sharedScanned: 12,
  sharedSkipped: 13,
  sharedWritten: 14,
} as const;

/**
 * Statistics of a finished dump or pre-dump. criu writes the file after the post-dump hook has returned, so the frozen time
 * includes what the hook waited for. @throws GodwitError HOST_FAILED when the file is missing, is not what criu writes, or
 * belongs to a post-copy: criu clears its counters when it begins to serve pages.
 */
export async function readDumpStats(file: string): Promise<Omit<Round, 'index' | 'durationMs'>> {
  try {
    return parseDumpStats(await readFile(file));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new GodwitError('HOST_FAILED', { action: `reading ${file}`, problem }, { cause: error });
  }
}

/** The bytes of `stats-dump`: two magic words, the length, one protobuf `stats_entry`. @throws Error saying what is wrong */
export function parseDumpStats(bytes: Uint8Array): Omit<Round, 'index' | 'durationMs'> {
  if (bytes.length > FILE_BYTES) throw new Error(`${bytes.length} bytes are too many for statistics`);
  if (bytes.length < HEAD_BYTES) throw new Error('it ends within its head');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGICS[0] || view.getUint32(4, true) !== MAGICS[1]) {
    throw new Error('it does not begin with the magic words of statistics');
  }
  const end = HEAD_BYTES + view.getUint32(8, true);
  if (end > bytes.length) throw new Error('it ends within its entry');
  const dump = fieldsOf(bytes.subarray(HEAD_BYTES, end)).messages.get(1);
  if (!dump) throw new Error('it has no entry of a dump');

  const { numbers } = fieldsOf(dump);
  const value = (field: number) => numbers.get(field) ?? 0;
  if (value(FIELD.scanned) + value(FIELD.sharedScanned) === 0)
    throw new Error('criu cleared its counters (post-copy)');
  const pagesWritten = value(FIELD.written) + value(FIELD.sharedWritten);
  return {
    pagesWritten,
    pagesSkipped: value(FIELD.skipped) + value(FIELD.sharedSkipped),
    bytes: pagesWritten * PAGE_BYTES,
    frozenMs: value(FIELD.frozenUs) / 1000,
  };
}

/** One protobuf message: varint fields as numbers, length-delimited ones as bytes; fixed-size ones are passed over. */
function fieldsOf(bytes: Uint8Array) {
  const numbers = new Map<number, number>();
  const messages = new Map<number, Uint8Array>();
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = varint(bytes, cursor);
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        numbers.set(field, varint(bytes, cursor));
        break;
      case 1:
        cursor.at += 8;
        break;
      case 2: {
        const length = varint(bytes, cursor);
        messages.set(field, bytes.subarray(cursor.at, cursor.at + length));
        cursor.at += length;
        break;
      }
      case 5:
        cursor.at += 4;
        break;
      default:
        throw new Error(`field ${field} has an unknown wire type`);
    }
  }
  if (cursor.at > bytes.length) throw new Error('a field ends after the entry');
  return { numbers, messages };
}

function varint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw new Error('a number ends after the entry');
    cursor.at += 1;
    value += (byte % 128) * scale;
    if (value > Number.MAX_SAFE_INTEGER) throw new Error('a number is too large');
    if (byte < 128) return value;
  }
}
