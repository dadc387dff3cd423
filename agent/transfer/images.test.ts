import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { encodeFileRecord, encodeSummary, RECORD } from './image-records.ts';
import { createMeter } from './meter.ts';
import { receiveImages } from './receive-images.ts';
import { sendImages } from './send-images.ts';
import type { DataStream } from './stream.ts';
import { NEVER, openPair, openPorts, type Ports } from './testing.ts';

const MIB = 1024 * 1024;

describe('images', { timeout: 30_000 }, () => {
  let ports: Ports;
  let dir: string;
  let from: string;
  let to: string;
  let near: DataStream;
  let far: DataStream;

  beforeEach(async () => {
    ports = await openPorts();
    dir = mkdtempSync(join(tmpdir(), 'godwit-images-'));
    from = mkdtempSync(join(dir, 'from-'));
    to = mkdtempSync(join(dir, 'to-'));
    ({ near, far } = await openPair(ports, 'images'));
  });

  afterEach(async () => {
    await ports.close();
    rmSync(dir, { recursive: true });
  });

  function send(options: { files?: Iterable<string> | AsyncIterable<string>; signal?: AbortSignal } = {}) {
    const meter = createMeter({ clock: systemClock });
    return sendImages({ stream: near, dir: from, meter, signal: NEVER, ...options });
  }

  function receive(options: { maxBytes?: number; signal?: AbortSignal; dir?: string } = {}) {
    return receiveImages({ stream: far, dir: to, signal: NEVER, maxBytes: 100 * MIB, ...options });
  }

  /** Both outcomes, whatever they are: the problem of a failure, or the files that arrived. */
  async function outcomes(sending: Promise<unknown>, receiving: Promise<unknown>): Promise<string[]> {
    const settled = await Promise.allSettled([sending, receiving]);
    return settled.map((one) => (one.status === 'fulfilled' ? 'fulfilled' : problem(one.reason)));
  }

  it('copies every regular file of a directory and nothing else', async () => {
    const contents = new Map<string, Buffer>([
      ['empty.img', Buffer.alloc(0)],
      ['core-1.img', randomBytes(1234)],
      ['pages-1.img', randomBytes(3 * MIB + 17)],
    ]);
    for (const [name, content] of contents) writeFileSync(join(from, name), content);
    symlinkSync('/etc/hostname', join(from, 'link.img'));
    mkdirSync(join(from, 'directory.img'));
    const [sent, received] = await Promise.all([send(), receive()]);
    expect(sent).toEqual({ files: 3, bytes: 3 * MIB + 17 + 1234 });
    expect(received).toEqual(sent);
    expect(readdirSync(to).sort()).toEqual([...contents.keys()].sort());
    for (const [name, content] of contents) expect(readFileSync(join(to, name)).equals(content)).toBe(true);
  });

  it('copies any set of files exactly', async () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 250_000, max: 900_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 12 }), async (sizes) => {
        const names = sizes.map((_, index) => `f-${index}.img`);
        const source = mkdtempSync(join(dir, 'source-'));
        const target = mkdtempSync(join(dir, 'target-'));
        const contents = sizes.map((bytes) => randomBytes(bytes));
        for (const [index, name] of names.entries()) writeFileSync(join(source, name), contents[index]!);
        const pair = await openPair(ports, 'images');
        const meter = createMeter({ clock: systemClock });
        await Promise.all([
          sendImages({ stream: pair.near, dir: source, files: names, meter, signal: NEVER }),
          receiveImages({ stream: pair.far, dir: target, signal: NEVER, maxBytes: 100 * MIB }),
        ]);
        expect(readdirSync(target)).toHaveLength(names.length);
        for (const [index, name] of names.entries()) {
          expect(readFileSync(join(target, name)).equals(contents[index]!)).toBe(true);
        }
      }),
      { numRuns: 12 },
    );
  });

  it('sends files as they appear', async () => {
    async function* appearing(): AsyncGenerator<string> {
      for (const name of ['a.img', 'b.img', 'c.img']) {
        writeFileSync(join(from, name), name);
        yield name;
        await expect.poll(() => existsSync(join(to, name))).toBe(true);
      }
    }
    const [sent] = await Promise.all([send({ files: appearing() }), receive()]);
    expect(sent).toEqual({ files: 3, bytes: 15 });
    expect(readFileSync(join(to, 'c.img'), 'utf8')).toBe('c.img');
  });

  it('counts what it sends', async () => {
    writeFileSync(join(from, 'a.img'), randomBytes(MIB));
    const meter = createMeter({ clock: systemClock });
    await Promise.all([sendImages({ stream: near, dir: from, meter, signal: NEVER }), receive()]);
    expect(meter.bytes).toBe(near.bytesSent);
  });

  it.each(['../x', 'a/b', '..', '.hidden', '', 'x'.repeat(129), 'a..b', 'nul\0', '-rf'])(
    'refuses to send a file named %j',
    async (name) => {
      const [sent, received] = await outcomes(send({ files: [name] }), receive());
      expect(sent).toContain("cannot be an image file's name");
      expect(received).toBe(sent);
    },
  );

  it.each(['../x', 'a/b', '..', '', 'a\0b'])('refuses to write a file named %j', async (name) => {
    const receiving = receive();
    near.write(encodeFileRecord(name, 0));
    await expect(receiving).rejects.toThrow("cannot be an image file's name");
    expect(readdirSync(to)).toEqual([]);
    expect(readdirSync(dir)).toHaveLength(2);
  });

  it('neither follows a link when reading nor when writing', async () => {
    symlinkSync('/etc/hostname', join(from, 'link.img'));
    expect((await outcomes(send({ files: ['link.img'] }), receive()))[0]).toContain('ELOOP');
    ({ near, far } = await openPair(ports, 'images'));
    writeFileSync(join(from, 'a.img'), 'from the network');
    writeFileSync(join(dir, 'precious'), 'precious');
    symlinkSync(join(dir, 'precious'), join(to, 'a.img'));
    expect((await outcomes(send({ files: ['a.img'] }), receive()))[0]).toContain('writing a.img: EEXIST');
    expect(readFileSync(join(dir, 'precious'), 'utf8')).toBe('precious');
  });

  it('does not hang on a FIFO', async () => {
    execFileSync('mkfifo', [join(from, 'fifo.img')]);
    expect((await outcomes(send({ files: ['fifo.img'] }), receive()))[0]).toContain('not a regular file');
  });

  it('refuses the same name twice, and removes what had arrived', async () => {
    writeFileSync(join(from, 'a.img'), 'a');
    const [sent] = await outcomes(send({ files: ['a.img', 'a.img'] }), receive());
    expect(sent).toContain('EEXIST');
    expect(readdirSync(to)).toEqual([]);
  });

  it('refuses what is more than there is room for before it writes it', async () => {
    writeFileSync(join(from, 'a.img'), 'small');
    truncateSync(join(from, 'a.img'), 5 * 2 ** 30);
    const [sent, received] = await outcomes(send(), receive({ maxBytes: MIB }));
    expect(sent).toContain('a.img (5368709120 bytes) is beyond the 1048576 bytes');
    expect(received).toBe(sent);
    expect(readdirSync(to)).toEqual([]);
  });

  it('notices damage, and removes it', async () => {
    const receiving = receive();
    near.write(Buffer.concat([encodeFileRecord('a.img', 5), Buffer.from('hello'), Buffer.alloc(32)]));
    await expect(receiving).rejects.toThrow('a.img arrived damaged');
    expect(readdirSync(to)).toEqual([]);
  });

  it('notices that files are missing', async () => {
    const receiving = receive();
    near.end(encodeSummary(RECORD.summary, { files: 1, bytes: 0 }));
    await expect(receiving).rejects.toThrow('0 of 1 files arrived');
  });

  it('does not take an end without a summary for success', async () => {
    const receiving = receive();
    near.end();
    await expect(receiving).rejects.toThrow('ended too early');
  });

  it('does not succeed without the confirmation', async () => {
    const sending = send();
    far.resume().end();
    await expect(sending).rejects.toThrow('ended too early');
  });

  it('does not succeed with a wrong confirmation', async () => {
    const sending = send();
    far.resume().end(encodeSummary(RECORD.confirmation, { files: 7, bytes: 7 }));
    await expect(sending).rejects.toThrow('the receiver has 7 of 0 files');
  });

  it('notices a file that shrinks while it is sent', async () => {
    writeFileSync(join(from, 'a.img'), Buffer.alloc(30 * MIB));
    const meter = createMeter({ clock: systemClock, limitBytesPerSecond: 5 * MIB });
    const sending = sendImages({ stream: near, dir: from, meter, signal: NEVER });
    const both = outcomes(sending, receive());
    await expect.poll(() => near.bytesSent).toBeGreaterThan(0);
    truncateSync(join(from, 'a.img'), 10);
    meter.setLimit(undefined);
    expect((await both)[0]).toContain('a.img became shorter');
  });

  it('stops at once when either side is told to', async () => {
    writeFileSync(join(from, 'a.img'), Buffer.alloc(MIB));
    async function* never(): AsyncGenerator<string> {
      yield 'a.img';
      await new Promise(() => {});
    }
    const abort = new AbortController();
    const both = outcomes(send({ files: never(), signal: abort.signal }), receive());
    await expect.poll(() => readdirSync(to)).toEqual(['a.img']);
    abort.abort(new Error('enough'));
    expect(await both).toEqual(['enough', 'cancelled: enough']);
    expect(readdirSync(to)).toEqual([]);
  });

  it('passes the reason of a failed write on to the sender', async () => {
    writeFileSync(join(from, 'a.img'), 'a');
    const [sent, received] = await outcomes(send(), receive({ dir: join(to, 'gone') }));
    expect(sent).toContain('writing a.img: ENOENT');
    expect(received).toBe(sent);
  });

  it.skipIf(process.getuid?.() !== 0)('passes on that the target has no space (needs root)', async () => {
    const small = join(dir, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      writeFileSync(join(from, 'a.img'), Buffer.alloc(300_000));
      writeFileSync(join(from, 'b.img'), Buffer.alloc(2 * MIB));
      const [sent, received] = await outcomes(send({ files: ['a.img', 'b.img'] }), receive({ dir: small }));
      expect(sent).toContain('writing b.img: ENOSPC: no space left on device');
      expect(received).toBe(sent);
      expect(readdirSync(small)).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

function problem(reason: unknown): string {
  const { details, message } = reason as { details?: { problem?: string }; message: string };
  return details?.problem ?? message;
}
