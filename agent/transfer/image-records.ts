import { transferFailed } from './failure.ts';

/** Records inside an `images` stream (protocol/adr/0004-data-port.md). */
export const RECORD = { file: 1, summary: 2, confirmation: 3 } as const;

/** Type (1), name length (1), reserved (6), size (8); the name, the content and the digest follow. */
export const FILE_RECORD_BYTES = 16;
/** Type (1), reserved (3), files (4), bytes (8). */
export const SUMMARY_BYTES = 16;
/** SHA-256. */
export const DIGEST_BYTES = 32;

/** What crossed: sent as a summary by the sender and as a confirmation by the receiver. */
export interface ImageSummary {
  readonly files: number;
  readonly bytes: number;
}

/** Announces one file; written in front of its content. */
export function encodeFileRecord(name: string, size: number): Buffer {
  const nameBytes = Buffer.from(name, 'latin1');
  const record = Buffer.alloc(FILE_RECORD_BYTES + nameBytes.length);
  record[0] = RECORD.file;
  record[1] = nameBytes.length;
  record.writeBigUInt64BE(BigInt(size), 8);
  nameBytes.copy(record, FILE_RECORD_BYTES);
  return record;
}

export function encodeSummary(
  type: typeof RECORD.summary | typeof RECORD.confirmation,
  summary: ImageSummary,
): Buffer {
  const record = Buffer.alloc(SUMMARY_BYTES);
  record[0] = type;
  record.writeUInt32BE(summary.files, 4);
  record.writeBigUInt64BE(BigInt(summary.bytes), 8);
  return record;
}

/** Reads a summary or confirmation. @throws GodwitError TRANSFER_FAILED when it is not of this type */
export function decodeSummary(
  type: typeof RECORD.summary | typeof RECORD.confirmation,
  record: Buffer,
): ImageSummary {
  if (record[0] !== type) throw transferFailed(`record of type ${record[0]} where ${type} was due`);
  return { files: record.readUInt32BE(4), bytes: decodeSize(record) };
}

/** The size in a record. @throws GodwitError TRANSFER_FAILED beyond 2^53 */
export function decodeSize(record: Buffer): number {
  const size = record.readBigUInt64BE(8);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw transferFailed(`a size of ${size} bytes`);
  return Number(size);
}
