import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const PIECE_BYTES = 1024 * 1024;
/** Smaller files are kept as they are: an image set is a few large ones and many that are hardly worth a process. */
export const SMALL_BYTES = 64 * 1024;

/** Size and SHA-256 of bytes that pass. */
export class Fingerprint {
  private readonly hash = createHash('sha256');
  bytes = 0;

  add(piece: Uint8Array): void {
    this.hash.update(piece);
    this.bytes += piece.length;
  }

  /** Once, at the end. */
  sha256(): string {
    return this.hash.digest('hex');
  }
}

/** Size and SHA-256 of what is in memory. */
export function fingerprintOfBytes(bytes: Uint8Array): { bytes: number; sha256: string } {
  const print = new Fingerprint();
  print.add(bytes);
  return { bytes: print.bytes, sha256: print.sha256() };
}

/** A file's size and SHA-256. */
export async function fingerprintOf(
  file: string,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const print = new Fingerprint();
  for await (const piece of readPieces(file, signal)) print.add(piece);
  return { bytes: print.bytes, sha256: print.sha256() };
}

/** The whole content of a regular file of at most so many bytes. @throws Error for a larger one */
export async function readSmall(file: string, mostBytes: number): Promise<Buffer> {
  const handle = await open(file, READ);
  try {
    const { size } = await handle.stat();
    if (size > mostBytes) throw new Error(`it has ${size} bytes`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The content of a regular file, piece by piece. */
export async function* readPieces(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const handle = await open(file, READ);
  yield* createReadStream('', { fd: handle, highWaterMark: PIECE_BYTES, signal });
}

/** Writes a file that must not be there, and resolves when it is on the disk. */
export async function writeDurably(
  file: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(file, CREATE, 0o600);
  try {
    await pipeline(pieces, handle.createWriteStream({ flush: true }), { signal });
  } finally {
    await handle.close().catch(() => {});
  }
}

/** Writes a small file that must not be there. `durably`: it is on the disk when this resolves. */
export async function writeWhole(file: string, content: Uint8Array, durably: boolean): Promise<void> {
  const handle = await open(file, CREATE, 0o600);
  try {
    await handle.writeFile(content);
    if (durably) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Resolves when what was written to a file, or what was made, renamed or removed in a directory, is on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
