import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { deflate, inflate, type ZlibOptions } from 'node:zlib';
import { z } from 'zod';
import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import { asTransferFailure } from '../transfer/failure.ts';
import { pump } from '../transfer/pump.ts';
import type { DataStream, Meter } from '../transfer/stream.ts';
import { guardStream } from '../transfer/stream-guard.ts';

/** Empty: the copy is the same. */
const Verdict = z.object({ problem: z.string() });

const LEVEL = 1;
const [pack, unpack] = [
  promisify<Buffer, ZlibOptions, Buffer>(deflate),
  promisify<Buffer, ZlibOptions, Buffer>(inflate),
];

/**
 * Sends a listing, which ends when `after` has, and returns what the target says of its own tree: nothing when it is the same.
 * @throws GodwitError TRANSFER_FAILED; the signal's reason
 */
export async function askVerdict({
  stream,
  listing,
  after = Promise.resolve(),
  meter,
  signal,
}: {
  readonly stream: DataStream;
  readonly listing: Buffer;
  readonly after?: Promise<unknown>;
  readonly meter: Meter;
  readonly signal: AbortSignal;
}): Promise<string> {
  const guard = guardStream(stream, signal);
  try {
    const packed = await pack(listing, { level: LEVEL });
    // A list without its files says nothing: the target must not take it for whole.
    const settled = after.catch((error: unknown) => {
      stream.destroy(asTransferFailure(error, 'copying', stream));
    });
    const sent = pump(Readable.from(piecesOf(packed, settled)), stream, { meter, signal });
    const [, verdict] = await guard.race(Promise.all([sent, readAll(stream, LIMITS.streamErrorBytes)]));
    return Verdict.parse(JSON.parse(verdict.toString('utf8'))).problem;
  } finally {
    guard.release();
  }
}

/** At the target: the listing that comes. @throws GodwitError TRANSFER_FAILED; the signal's reason */
export async function readListing(stream: DataStream, signal: AbortSignal): Promise<Buffer> {
  const guard = guardStream(stream, signal);
  try {
    const packed = await guard.race(readAll(stream, LIMITS.rootfsListingBytes));
    return await unpack(packed, { maxOutputLength: LIMITS.rootfsListingBytes });
  } finally {
    guard.release();
  }
}

export function giveVerdict(stream: DataStream, problem: string): void {
  stream.end(JSON.stringify({ problem: problem.slice(0, LIMITS.logLineChars) }));
}

async function readAll(stream: DataStream, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > most)
      throw new GodwitError('TRANSFER_FAILED', {
        source: 'the source',
        target: 'the target',
        problem: `more than ${most} bytes`,
      });
  }
  return Buffer.concat(chunks);
}

async function* piecesOf(bytes: Buffer, after: Promise<unknown>): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += LIMITS.frameBytes)
    yield bytes.subarray(at, at + LIMITS.frameBytes);
  await after;
}
