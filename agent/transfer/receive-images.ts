import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LIMITS } from '../../protocol/limits.ts';
import { ByteReader } from './byte-reader.ts';
import { asTransferFailure, transferFailed } from './failure.ts';
import { checkImageName } from './image-name.ts';
import {
  DIGEST_BYTES,
  decodeSize,
  decodeSummary,
  encodeSummary,
  FILE_RECORD_BYTES,
  type ImageSummary,
  RECORD,
} from './image-records.ts';
import type { DataStream, Meter } from './stream.ts';
import { guardStream } from './stream-guard.ts';

export interface ReceiveImagesOptions {
  readonly stream: DataStream;
  /** Must exist; files of the same names must not. */
  readonly dir: string;
  /** Counts what arrives, and slows it down when limited. */
  readonly meter?: Meter;
  readonly signal: AbortSignal;
  /** All files together; more is refused before it is written. */
  readonly maxBytes: number;
}

/** Up to this size a file is written synchronously: quicker for the many small files of an image set. */
const SMALL_BYTES = LIMITS.frameBytes;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const writeFd = promisify(write);

/**
 * Receives image files into a directory, checks each one's digest, and confirms them all to the sender. When anything
 * fails, the files made so far are removed and the sender is told the reason.
 * @throws GodwitError TRANSFER_FAILED; the signal's reason
 */
export async function receiveImages(options: ReceiveImagesOptions): Promise<ImageSummary> {
  const { stream, signal } = options;
  const guard = guardStream(stream, signal);
  const reader = new ByteReader(stream);
  const made: string[] = [];
  try {
    const summary = await receiveAll(reader, options, made);
    await reader.end();
    guard.signal.throwIfAborted();
    stream.end(encodeSummary(RECORD.confirmation, summary));
    return summary;
  } catch (error) {
    const failure = asTransferFailure(error, 'receiving images', stream);
    stream.destroy(failure);
    for (const path of made) remove(path);
    throw signal.aborted ? signal.reason : failure;
  } finally {
    reader.release();
    guard.release();
  }
}

async function receiveAll(
  reader: ByteReader,
  options: ReceiveImagesOptions,
  made: string[],
): Promise<ImageSummary> {
  const sum = { files: 0, bytes: 0 };
  for (;;) {
    const record = await reader.exactly(FILE_RECORD_BYTES);
    if (record[0] !== RECORD.file) {
      const told = decodeSummary(RECORD.summary, record);
      if (told.files === sum.files && told.bytes === sum.bytes) return sum;
      throw transferFailed(`${sum.files} of ${told.files} files arrived`);
    }
    if (sum.files === LIMITS.imageFiles) throw transferFailed(`more than ${LIMITS.imageFiles} files`);
    const name = checkImageName((await reader.exactly(record[1] as number)).toString('latin1'));
    const size = decodeSize(record);
    if (size > options.maxBytes - sum.bytes) {
      throw transferFailed(
        `${name} (${size} bytes) is beyond the ${options.maxBytes} bytes there is room for`,
      );
    }
    await receiveFile(reader, name, size, options, made);
    sum.files += 1;
    sum.bytes += size;
  }
}

async function receiveFile(
  reader: ByteReader,
  name: string,
  size: number,
  { dir, meter, signal }: ReceiveImagesOptions,
  made: string[],
): Promise<void> {
  const path = join(dir, name);
  const hash = createHash('sha256');
  try {
    const fd = openSync(path, CREATE, 0o600);
    made.push(path);
    try {
      for (let at = 0; at < size; ) {
        const piece = await reader.some(size - at);
        if (meter && !meter.tryPass(piece.length)) await meter.pass(piece.length, signal);
        hash.update(piece);
        if (size <= SMALL_BYTES) writeAllSync(fd, piece, at);
        else await writeAll(fd, piece, at);
        at += piece.length;
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asTransferFailure(error, `writing ${name}`);
  }
  if (!hash.digest().equals(await reader.exactly(DIGEST_BYTES))) {
    throw transferFailed(`${name} arrived damaged: its SHA-256 is not the sender's`);
  }
}

function writeAllSync(fd: number, piece: Buffer, at: number): void {
  for (let done = 0; done < piece.length; )
    done += writeSync(fd, piece, done, piece.length - done, at + done);
}

async function writeAll(fd: number, piece: Buffer, at: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    done += (await writeFd(fd, piece, done, piece.length - done, at + done)).bytesWritten;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The directory goes away as a whole when the job is swept.
  }
}
