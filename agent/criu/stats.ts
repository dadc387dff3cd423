import { readFile } from 'node:fs/promises';
import { GodwitError, type Round } from '../../protocol/mod.ts';
import { FieldReader } from './protobuf.ts';

/** Head of a criu service file and of its statistics, little-endian. */
const MAGICS = [0x5510_5940, 0x5709_3306] as const;
const HEAD_BYTES = 12;
/** A statistics file has some hundred bytes. */
const FILE_BYTES = 64 * 1024;
/** Pages in criu's statistics are of this size on x86-64 and on arm64 as distributions build it. */
const PAGE_BYTES = 4096;

/** Field of `stats_entry` that holds the dump's. */
const DUMP = 1;
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
  const numbers = dumpNumbers(bytes, end);
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

/** The numbers of the record's dump entry, by field. */
function dumpNumbers(bytes: Uint8Array, end: number): Map<number, number> {
  const numbers = new Map<number, number>();
  const fields = new FieldReader(bytes, (problem) => new Error(problem));
  fields.enter(HEAD_BYTES, end);
  while (fields.next()) {
    if (fields.field !== DUMP || !fields.isBytes) continue;
    fields.enter(fields.start, fields.stop);
    while (fields.next()) if (!fields.isBytes) numbers.set(fields.field, fields.value);
    return numbers;
  }
  throw new Error('it has no entry of a dump');
}
