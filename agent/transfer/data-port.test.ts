import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import type { StreamId } from './stream.ts';
import { NEVER, openPair, openPorts, type Ports, readAll, TOKEN } from './testing.ts';

describe('data port', { timeout: 30_000 }, () => {
  let ports: Ports;

  beforeEach(async () => {
    ports = await openPorts();
  });

  afterEach(() => ports.close());

  function open(id: StreamId, token = TOKEN, signal = NEVER) {
    return ports.source.open({ host: '127.0.0.1', port: ports.target.port, token }, id, signal);
  }

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
    const sizes = fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (there, back) => {
        const { near, far } = await openPair(ports);
        const out = there.map((size) => randomBytes(size));
        const home = back.map((size) => randomBytes(size));
        for (const piece of out) near.write(piece);
        for (const piece of home) far.write(piece);
        near.end();
        far.end();
        const [atFar, atNear] = await Promise.all([readAll(far), readAll(near)]);
        expect(atFar.equals(Buffer.concat(out))).toBe(true);
        expect(atNear.equals(Buffer.concat(home))).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('keeps many streams of a job apart', async () => {
    ports.target.permit('many', TOKEN);
    const ids = Array.from({ length: 40 }, (_, index): StreamId => ({ job: 'many', kind: 'pages', index }));
    const received = await Promise.all(
      ids.map(async (id) => {
        const [near, far] = await Promise.all([open(id), ports.target.accept(id, NEVER)]);
        far.end();
        near.end(Buffer.alloc(20_000 + id.index, id.index));
        return readAll(far);
      }),
    );
    received.forEach((bytes, index) => {
      expect(bytes.equals(Buffer.alloc(20_000 + index, index))).toBe(true);
    });
  });

  it('holds back a writer whose reader is slow, within the window', async () => {
    const { near, far } = await openPair(ports);
    const piece = Buffer.alloc(64 * 1024);
    let written = 0;
    while (near.write(piece) || (await room(near))) written += piece.length;
    expect(near.bytesSent).toBe(LIMITS.streamWindowBytes);
    expect(near.writableLength).toBeLessThanOrEqual(near.writableHighWaterMark + piece.length);
    near.end();
    far.end();
    expect((await readAll(far)).length).toBe(written + piece.length);
  });

  it('finishes only when the reader has taken everything', async () => {
    const { near, far } = await openPair(ports);
    near.end(Buffer.alloc(2 * 1024 * 1024));
    far.end();
    expect(await Promise.race([once(near, 'finish').then(() => 'finished'), pause(50)])).toBe('waited');
    const finished = once(near, 'finish');
    await readAll(far);
    await finished;
  });

  it('tells the peer the text of the error that a stream is destroyed with', async () => {
    const { near, far } = await openPair(ports);
    const failed = once(far, 'error').catch((error) => [error]);
    far.resume();
    near.write(Buffer.alloc(3_000_000));
    near.destroy(new Error('the disk is full'));
    const [error] = await failed;
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', details: { problem: 'the disk is full' } });
  });

  it('tells the peer that a stream was cancelled', async () => {
    const { near, far } = await openPair(ports);
    const reading = readAll(far);
    near.destroy();
    await expect(reading).rejects.toMatchObject({ details: { problem: 'the peer cancelled the stream' } });
  });

  it('fails writes that can no longer reach the peer', async () => {
    const { near, far } = await openPair(ports);
    const written = new Promise((resolve) => near.write(Buffer.alloc(20_000_000), resolve));
    far.destroy(new Error('no more room'));
    expect(await written).toMatchObject({ code: 'TRANSFER_FAILED', details: { problem: 'no more room' } });
  });

  it('hands a stream to who waits for it and keeps it for who asks later', async () => {
    ports.target.permit('j', TOKEN);
    const first: StreamId = { job: 'j', kind: 'images', index: 0 };
    const second: StreamId = { job: 'j', kind: 'lazy', index: 0 };
    const waiting = ports.target.accept(first, NEVER);
    const [a, b] = [await open(first), await open(second)];
    expect((await waiting).id).toEqual(first);
    b.end('early');
    const far = await ports.target.accept(second, NEVER);
    expect((await readAll(far)).toString()).toBe('early');
    await expect(ports.target.accept(second, NEVER)).rejects.toThrow('was taken already');
    a.destroy();
  });

  it('stops waiting when told to', async () => {
    ports.target.permit('j', TOKEN);
    const id: StreamId = { job: 'j', kind: 'images', index: 0 };
    const abort = new AbortController();
    const waiting = ports.target.accept(id, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(open(id, TOKEN, abort.signal)).rejects.toThrow('enough');
    const again = ports.target.accept(id, NEVER);
    await open(id);
    expect((await again).id).toEqual(id);
  });

  it('ends everything of a job at once when it is forbidden', async () => {
    const { near, far, id } = await openPair(ports);
    const other = await openPair(ports);
    const waiting = ports.target.accept({ ...id, index: 1 }, NEVER);
    const broken = once(near, 'error').catch((error) => [error]);
    ports.target.forbid(id.job, 'the move was aborted');
    expect(far.destroyed).toBe(true);
    await expect(waiting).rejects.toThrow('the move was aborted');
    expect((await broken)[0]).toMatchObject({ details: { problem: 'the move was aborted' } });
    await expect(ports.target.accept(id, NEVER)).rejects.toThrow('not permitted');
    await expect(open({ ...id, index: 1 })).rejects.toThrow('not known here');
    expect(other.far.destroyed).toBe(false);
  });

  it('also ends what the job has opened elsewhere', async () => {
    const { near, far, id } = await openPair(ports);
    const broken = readAll(far);
    ports.source.forbid(id.job, 'the source gave up');
    expect(near.destroyed).toBe(true);
    await expect(broken).rejects.toThrow('the source gave up');
  });

  it('says which end could not be reached', async () => {
    const port = ports.target.port;
    await ports.target.close();
    const id: StreamId = { job: 'j', kind: 'images', index: 0 };
    const peer = { host: '127.0.0.1', port, token: TOKEN };
    await expect(ports.source.open(peer, id, NEVER)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      details: { target: `127.0.0.1:${port}`, problem: expect.stringContaining('ECONNREFUSED') },
    });
  });
});

/** True when the stream drains within a moment. */
async function room(stream: { once(event: 'drain', listener: () => void): unknown }): Promise<boolean> {
  return (
    (await Promise.race([
      new Promise((resolve) => stream.once('drain', () => resolve('room'))),
      pause(100),
    ])) === 'room'
  );
}

function pause(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'waited'));
}
