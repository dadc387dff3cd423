import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createMeter, receiveImages, sendImages } from '../../agent/transfer/mod.ts';
import {
  type DataPort,
  type DataStream,
  STREAM_KINDS,
  type StreamKind,
} from '../../agent/transfer/stream.ts';
import { NEVER, openPort, readAll, TOKEN } from '../../agent/transfer/testing.ts';
import { LIMITS } from '../../protocol/mod.ts';
import { type Link, startLink } from './support/link.ts';

const PATIENCE_MS = LIMITS.streamSilentMs + LIMITS.streamHeartbeatMs + LIMITS.streamResumeMs + 5_000;

let source: DataPort;
let target: DataPort;
let link: Link;
let linkPort: number;
let jobs = 0;

beforeEach(async () => {
  [source, target] = await Promise.all([openPort(), openPort()]);
  link = startLink();
  linkPort = await link.lead(target.port);
});

afterEach(async () => {
  await Promise.all([source.close(), target.close()]);
  await link.stop();
});

/** A stream of a new job, through the link. */
async function openPair(kind: StreamKind = 'pages') {
  jobs += 1;
  const id = { job: `job-${jobs}`, kind, index: 0 };
  target.permit(id.job, TOKEN);
  const near = await source.open({ host: '127.0.0.1', port: linkPort, token: TOKEN }, id, NEVER);
  const far = await target.accept(id, NEVER);
  return { near, far, id };
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const problemOf = async (stream: DataStream): Promise<string> => {
  const closed = new Promise((resolve) => stream.once('close', resolve));
  if (!stream.destroyed) await closed;
  return (stream.errored as { details?: { problem?: string } } | null)?.details?.problem ?? 'none';
};

describe('a stream whose connection breaks', () => {
  it('carries every byte, wherever the link breaks, both ways', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 8 });
    const breaks = fc.array(fc.integer({ min: 1, max: 1_500_000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, breaks, async (there, back, places) => {
        const { near, far } = await openPair();
        const out = there.map((size) => randomBytes(size));
        const home = back.map((size) => randomBytes(size));
        const next = (): void => {
          const place = places.shift();
          if (place === undefined) return;
          link.after(place, () => {
            link.reset();
            next();
          });
        };
        next();
        for (const piece of out) near.write(piece);
        for (const piece of home) far.write(piece);
        near.end();
        far.end();
        const [atFar, atNear] = await Promise.all([readAll(far), readAll(near)]);
        expect(digest(atFar)).toBe(digest(Buffer.concat(out)));
        expect(digest(atNear)).toBe(digest(Buffer.concat(home)));
        link.after(Number.POSITIVE_INFINITY, () => {});
      }),
      { numRuns: 40 },
    );
    expect(target.counters.streamsResumed).toBeGreaterThan(10);
  });

  it('finishes at both ends when what is lost is the last word', async () => {
    // The handshake, and all that two short messages and two ends need.
    for (let bytes = 300; bytes < 700; bytes += 7) {
      link.after(bytes, () => link.reset());
      const { near, far } = await openPair();
      const closed = [near, far].map((stream) => once(stream, 'close'));
      near.end('there');
      far.end('back');
      expect([await readAll(far), await readAll(near)].map(String)).toEqual(['there', 'back']);
      await Promise.all(closed);
      expect([near.errored, far.errored]).toEqual([null, null]);
    }
    expect(target.counters.streamsResumed).toBeGreaterThan(5);
  });

  it('lives through a cut of five seconds that nobody is told of, whatever its kind', async () => {
    const pairs = await Promise.all(STREAM_KINDS.map((kind) => openPair(kind)));
    for (const { near } of pairs) near.write('before ');
    await Promise.all(pairs.map(({ far }) => once(far, 'readable')));
    link.cut();
    for (const { near, far } of pairs) {
      near.write(Buffer.alloc(1_000_000, 'there'));
      far.write(Buffer.alloc(1_000_000, 'back'));
    }
    await pause(5_000);
    link.mend();
    for (const { near, far } of pairs) {
      near.end(' after');
      far.end();
      const [atFar, atNear] = await Promise.all([readAll(far), readAll(near)]);
      const expected = ['before ', Buffer.alloc(1_000_000, 'there'), ' after'].join('');
      expect(digest(atFar)).toBe(digest(Buffer.from(expected)));
      expect(digest(atNear)).toBe(digest(Buffer.alloc(1_000_000, 'back')));
    }
  });

  it('keeps at most a window of what was not acknowledged', async () => {
    const { near, far } = await openPair();
    link.cut();
    let written = 0;
    while (near.write(Buffer.alloc(64 * 1024))) written += 1;
    expect(near.bytesSent).toBeLessThanOrEqual(LIMITS.streamWindowBytes);
    link.mend();
    near.end();
    far.end();
    expect((await readAll(far)).length).toBe((written + 1) * 64 * 1024);
  });

  it('can be opened while the link is cut, if it is mended in time', async () => {
    link.cut();
    const opening = openPair();
    await pause(3_000);
    link.mend();
    const { near, far } = await opening;
    near.end('late');
    far.end();
    expect(String(await readAll(far))).toBe('late');
  });

  it('fails at both ends when the link stays cut', async () => {
    const { near, far } = await openPair('control');
    link.cut();
    const startMs = performance.now();
    const problems = await Promise.all([problemOf(near), problemOf(far)]);
    for (const problem of problems)
      expect(problem).toContain('silent for 4 s, and no new connection within 10 s');
    expect(performance.now() - startMs).toBeLessThan(PATIENCE_MS);
  });

  it('fails at once when the peer has been restarted, and not before it is back', async () => {
    const { near, id } = await openPair('control');
    const { port } = target;
    link.cut();
    await target.close();
    link.reset();
    link.mend();
    await pause(1_000);
    expect(near.destroyed).toBe(false);
    target = await openPort(port);
    target.permit(id.job, TOKEN);
    expect(await problemOf(near)).toContain(
      'the peer does not go on: stream control/0 is not known here any more',
    );
  });

  it('tells a late opener why the other end has given up', async () => {
    const { near, far } = await openPair();
    link.cut();
    far.destroy(new Error('the disk is full'));
    await pause(100);
    link.mend();
    expect(await problemOf(near)).toContain('the disk is full');
  });
});

describe('image files over a link that breaks', () => {
  it('arrive whole', async () => {
    const dirs = await Promise.all(
      ['from', 'to'].map((name) => mkdtemp(join(tmpdir(), `godwit-link-${name}-`))),
    );
    const [from = '', to = ''] = dirs;
    const files = Array.from({ length: 30 }, (_, index) => ({
      name: `pages-${index}.img`,
      bytes: randomBytes(1 + ((index * 7919 * 37) % 2_000_000)),
    }));
    await Promise.all(files.map(({ name, bytes }) => writeFile(join(from, name), bytes)));
    const breakAgain = () =>
      link.after(3_000_000, () => {
        link.reset();
        breakAgain();
      });
    breakAgain();
    const { near, far } = await openPair('images');
    const meter = createMeter({ clock: systemClock });
    const [sent, received] = await Promise.all([
      sendImages({ stream: near, dir: from, meter, signal: NEVER }),
      receiveImages({ stream: far, dir: to, signal: NEVER, maxBytes: 1e9 }),
    ]);
    expect(received).toEqual(sent);
    for (const { name, bytes } of files) expect(digest(await readFile(join(to, name)))).toBe(digest(bytes));
    expect(target.counters.streamsResumed).toBeGreaterThan(2);
    await Promise.all(dirs.map((dir) => rm(dir, { recursive: true })));
  });
});
