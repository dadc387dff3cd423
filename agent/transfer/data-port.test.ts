import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPair, openPorts, type Ports, readAll } from './testing.ts';

describe('data port', () => {
  let ports: Ports;

  beforeEach(async () => {
    ports = await openPorts();
  });

  afterEach(() => ports.close());

  it('carries bytes both ways and both ends', async () => {
    const { near, far } = await openPair(ports);
    near.end('to the target');
    far.end('to the source');
    expect((await readAll(far)).toString()).toBe('to the target');
    expect((await readAll(near)).toString()).toBe('to the source');
    expect(near.bytesSent).toBe(13);
    expect(near.bytesReceived).toBe(13);
    expect(ports.target.counters.streamsAccepted).toBe(1);
  });

  it('delivers exactly what was written, whatever the sizes of the writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 12 }), async (sizes) => {
        const { near, far } = await openPair(ports);
        const pieces = sizes.map((size) => randomBytes(size));
        for (const piece of pieces) near.write(piece);
        near.end();
        far.end();
        expect((await readAll(far)).equals(Buffer.concat(pieces))).toBe(true);
        await readAll(near);
      }),
      { numRuns: 25 },
    );
  });
});
