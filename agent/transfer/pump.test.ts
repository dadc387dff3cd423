import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { pump } from './pump.ts';
import type { Meter } from './stream.ts';
import { PIECE_BYTES } from './token-bucket.ts';

it('lets large pieces pass a limit in small ones, and every byte in order', async () => {
  const passed: number[] = [];
  const meter: Meter = {
    bytes: 0,
    rateBytesPerSecond: 0,
    setLimit: () => {},
    tryPass: () => false,
    pass: async (bytes) => void passed.push(bytes),
  };
  const chunks = [1_000_000, 10, 2 * PIECE_BYTES].map((bytes) => randomBytes(bytes));
  const to = new PassThrough();
  const arrived = buffer(to);
  await pump(Readable.from(chunks), to, { meter, signal: new AbortController().signal });
  const sent = Buffer.concat(chunks);
  expect((await arrived).equals(sent)).toBe(true);
  expect(Math.max(...passed)).toBe(PIECE_BYTES);
  expect(passed.reduce((sum, bytes) => sum + bytes)).toBe(sent.length);
});
