import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, read, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LIMITS } from '../../protocol/limits.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { asTransferFailure, transferFailed } from './failure.ts';
import { checkImageName, isImageName } from './image-name.ts';
import {
  DIGEST_BYTES,
  decodeSummary,
  encodeFileRecord,
  encodeSummary,
  type ImageSummary,
  RECORD,
  SUMMARY_BYTES,
} from './image-records.ts';
import type { DataStream, Meter } from './stream.ts';
import { guardStream, type StreamGuard } from './stream-guard.ts';

export interface SendImagesOptions {
  readonly stream: DataStream;
  readonly dir: string;
  readonly meter: Meter;
  readonly signal: AbortSignal;
  /**
   * Names in `dir`, in this order; each file must be complete when its name comes, so names may come as files appear.
   * Without it: every regular file that is in `dir` now.
   */
  readonly files?: Iterable<string> | AsyncIterable<string>;
}

/** Up to this size a file is read and sent in one piece; larger ones in pieces of it. */
const PIECE_BYTES = LIMITS.frameBytes;
const readFd = promisify(read);

/**
 * Sends files of one directory and waits for the receiver to confirm that it has them all, checked. Ends the stream;
 * destroys it when anything fails. @throws GodwitError TRANSFER_FAILED (also with the receiver's reason); the signal's reason
 */
export async function sendImages(options: SendImagesOptions): Promise<ImageSummary> {
  const { stream, dir, meter, signal } = options;
  const guard = guardStream(stream, signal);
  const reader = new ByteReader(stream);
  try {
    const writer = new ByteWriter(stream, meter, guard.signal);
    const summary = await sendAll(options.files ?? regularFiles(dir), dir, writer, guard);
    await writer.write(encodeSummary(RECORD.summary, summary));
    stream.end();
    const confirmed = decodeSummary(RECORD.confirmation, await guard.race(reader.exactly(SUMMARY_BYTES)));
    if (confirmed.files !== summary.files || confirmed.bytes !== summary.bytes) {
      throw transferFailed(`the receiver has ${confirmed.files} of ${summary.files} files`, stream.ends);
    }
    await reader.end();
    return summary;
  } catch (error) {
    const failure = asTransferFailure(error, 'sending images', stream);
    stream.destroy(failure);
    throw signal.aborted ? signal.reason : failure;
  } finally {
    reader.release();
    guard.release();
  }
}

async function sendAll(
  files: Iterable<string> | AsyncIterable<string>,
  dir: string,
  writer: ByteWriter,
  guard: StreamGuard,
): Promise<ImageSummary> {
  const names = Symbol.asyncIterator in files ? files[Symbol.asyncIterator]() : files[Symbol.iterator]();
  const sum = { files: 0, bytes: 0 };
  try {
    for (;;) {
      const next = names.next();
      const { done, value } = next instanceof Promise ? await guard.race(next) : next;
      if (done) return sum;
      if (sum.files === LIMITS.imageFiles) throw transferFailed(`more than ${LIMITS.imageFiles} files`);
      sum.files += 1;
      sum.bytes += await sendFile(dir, checkImageName(value), writer);
    }
  } catch (error) {
    // Not awaited: whoever makes the names may be waiting for something that never comes now.
    void Promise.resolve(names.return?.()).catch(() => {});
    throw error;
  }
}

async function sendFile(dir: string, name: string, writer: ByteWriter): Promise<number> {
  // Non-blocking: opening a FIFO must not hang before it is found to be no regular file.
  const fd = openSync(join(dir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw transferFailed(`${name} is not a regular file`);
    const record = encodeFileRecord(name, stat.size);
    if (stat.size <= PIECE_BYTES) await writer.write(wholeFile(fd, name, record, stat.size));
    else await sendPieces(fd, name, record, stat.size, writer);
    return stat.size;
  } finally {
    closeSync(fd);
  }
}

/** Record, content and digest of a small file in one buffer: image sets are mostly small files, and time is short. */
function wholeFile(fd: number, name: string, record: Buffer, size: number): Buffer {
  const whole = Buffer.allocUnsafe(record.length + size + DIGEST_BYTES);
  record.copy(whole);
  const content = whole.subarray(record.length, record.length + size);
  for (let filled = 0; filled < size; ) {
    const bytes = readSync(fd, content, filled, size - filled, filled);
    if (bytes === 0) throw transferFailed(`${name} became shorter while it was sent`);
    filled += bytes;
  }
  createHash('sha256')
    .update(content)
    .digest()
    .copy(whole, record.length + size);
  return whole;
}

async function sendPieces(
  fd: number,
  name: string,
  record: Buffer,
  size: number,
  writer: ByteWriter,
): Promise<void> {
  const hash = createHash('sha256');
  await writer.write(record);
  for (let at = 0; at < size; ) {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size - at));
    const { bytesRead } = await readFd(fd, piece, 0, piece.length, at);
    if (bytesRead === 0) throw transferFailed(`${name} became shorter while it was sent`);
    const filled = piece.subarray(0, bytesRead);
    hash.update(filled);
    at += bytesRead;
    await writer.write(filled);
  }
  await writer.write(hash.digest());
}

function regularFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && isImageName(entry.name))
    .map((entry) => entry.name);
}
