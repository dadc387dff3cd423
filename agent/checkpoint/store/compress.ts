import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { type Compression, GodwitError } from '../../../protocol/mod.ts';
import { both } from '../../effects/both.ts';
import type { Runner } from '../../effects/runner.ts';
import { wordsOf } from '../../host/failure.ts';
import {
  Fingerprint,
  fingerprintOf,
  fingerprintOfBytes,
  readPieces,
  readSmall,
  SMALL_BYTES,
  sync,
  writeDurably,
  writeWhole,
} from './files.ts';
import type { KeptFile } from './manifest.ts';

/** How names of kept files end. */
export const ENDINGS = { zstd: '.zst', zlib: '.gz', none: '' } as const;
/** The quickest: the container may stand still, and pages that compress at all compress well. */
const GZIP_LEVEL = 1;
const PROBE_MS = 5_000;

type Print = { readonly bytes: number; readonly sha256: string };

export interface CompressOptions {
  readonly runner: Runner;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** Where it was found: starting it only to see that takes longer than what it does to a small container. */
const withZstd = new WeakSet<Runner>();

/** True where the program is installed. */
export async function hasZstd(runner: Runner): Promise<boolean> {
  if (withZstd.has(runner)) return true;
  const found =
    (await runner.run({ file: 'zstd', args: ['--version'], deadlineMs: PROBE_MS })).exitCode === 0;
  if (found) withZstd.add(runner);
  return found;
}

/** Brings one image into a directory, in a bounded amount of memory, and onto the disk. @throws Error saying why not */
export async function keepFile(
  from: string,
  { name, bytes }: { readonly name: string; readonly bytes: number },
  toDir: string,
  wanted: Compression,
  options: CompressOptions,
): Promise<KeptFile> {
  const compression = bytes <= SMALL_BYTES ? 'none' : wanted;
  const kept = `${name}${ENDINGS[compression]}`;
  const to = `${toDir}/${kept}`;
  const entry = { name, kept, compression };
  if (bytes <= SMALL_BYTES) {
    const content = await readSmall(from, SMALL_BYTES);
    await writeWhole(to, content, true);
    const print = fingerprintOfBytes(content);
    return { ...entry, ...print, keptBytes: print.bytes, keptSha256: print.sha256 };
  }
  if (compression === 'zstd') {
    const packing = zstd(['-q', '-1', '-T0', '-o', to, from], options);
    const [before] = await both(fingerprintOf(from, options.signal), packing);
    const [after] = await both(fingerprintOf(to, options.signal), sync(to));
    return { ...entry, ...before, keptBytes: after.bytes, keptSha256: after.sha256 };
  }
  const [before, after] = [new Fingerprint(), new Fingerprint()];
  const raw = seen(before, readPieces(from, options.signal));
  const stream = compression === 'zlib' ? through(raw, createGzip({ level: GZIP_LEVEL })) : raw;
  await writeDurably(to, seen(after, stream), options.signal);
  return {
    ...entry,
    bytes: before.bytes,
    sha256: before.sha256(),
    keptBytes: after.bytes,
    keptSha256: after.sha256(),
  };
}

/** The way back. @throws Error saying what is not as it was written */
export async function giveBack(
  dir: string,
  file: KeptFile,
  to: string,
  options: CompressOptions,
): Promise<void> {
  options.signal.throwIfAborted();
  const from = `${dir}/${file.kept}`;
  if (file.compression === 'none' && file.keptBytes <= SMALL_BYTES) {
    // What was looked at is what is written: nothing is read twice.
    const content = await readSmall(from, SMALL_BYTES);
    const print = fingerprintOfBytes(content);
    assertKept(file, print);
    assertContent(file, print);
    return writeWhole(to, content, false);
  }
  if (file.compression === 'zstd') {
    // Of a damaged file it is the damage that is told, not what zstd makes of it.
    const unpacking = zstd(['-q', '-d', '-o', to, from], options);
    await both(checkKept(dir, file, options.signal), unpacking);
  } else {
    await checkKept(dir, file, options.signal);
    const kept = readPieces(from, options.signal);
    const raw = file.compression === 'zlib' ? through(kept, createGunzip()) : kept;
    await writeDurably(to, bounded(raw, file.bytes), options.signal);
  }
  assertContent(file, await fingerprintOf(to, options.signal));
}

/** Looks at every byte of a file that is kept. @throws Error saying what is not as it was written */
export async function checkKept(dir: string, file: KeptFile, signal: AbortSignal): Promise<void> {
  assertKept(file, await fingerprintOf(`${dir}/${file.kept}`, signal));
}

function assertKept(file: KeptFile, { bytes, sha256 }: Print): void {
  if (bytes !== file.keptBytes) throw new Error(`it has ${bytes} bytes, not ${file.keptBytes}`);
  if (sha256 !== file.keptSha256) throw new Error('its SHA-256 is not the one in the manifest');
}

function assertContent(file: KeptFile, { bytes, sha256 }: Print): void {
  if (bytes !== file.bytes || sha256 !== file.sha256)
    throw new Error('what it holds is not what was put into it');
}

async function zstd(args: readonly string[], { runner, signal, deadlineMs }: CompressOptions): Promise<void> {
  const result = await runner.run({ file: 'zstd', args, deadlineMs, signal });
  signal.throwIfAborted();
  if (result.timedOut) throw new GodwitError('CHILD_TIMEOUT', { tool: 'zstd', timeoutMs: deadlineMs });
  if (result.exitCode !== 0) throw new Error(`zstd: ${wordsOf(result)}`);
}

async function* seen(print: Fingerprint, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    print.add(piece);
    yield piece;
  }
}

/** A damaged file must not fill the memory of the node. */
async function* bounded(pieces: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const piece of pieces) {
    left -= piece.length;
    if (left < 0) throw new Error(`it holds more than ${most} bytes`);
    yield piece;
  }
}

/** An error of either end reaches the other one; whoever reads hears of it. */
function through(pieces: AsyncIterable<Uint8Array>, filter: Transform): AsyncIterable<Buffer> {
  return pipeline(Readable.from(pieces, { objectMode: false }), filter, () => {});
}
