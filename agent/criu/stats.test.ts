import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDumpStats, readDumpStats } from './stats.ts';

/** stats-dump of criu 4.2.1 for a process of 64 MiB; `--display-stats` printed: frozen 225038 us, written 16501, parent 0. */
const RECORDED = bytesOf(`
  40 59 10 55 06 33 09 57 29 00 00 00 0a 27 08 a5 0b 10 8e de 0d 18 d9 d3 08 20 de e9 05 28 96 81
  01 30 00 38 f5 80 01 40 00 48 00 50 08 58 08 60 00 68 00 70 00`);
/** The same after a post-copy: every counter is cleared, the frozen time is the uptime. */
const LAZY = bytesOf(`
  40 59 10 55 06 33 09 57 22 00 00 00 0a 20 08 00 10 c3 f4 82 af 06 18 00 20 00 28 00 30 00 38 00
  40 00 48 00 50 00 58 00 60 00 68 00 70 00`);

describe('parseDumpStats', () => {
  it('reads what criu recorded', () => {
    expect(parseDumpStats(RECORDED)).toEqual({
      pagesWritten: 16_501,
      pagesSkipped: 0,
      bytes: 16_501 * 4096,
      frozenMs: 225.038,
    });
  });

  it('adds shared pages, counts skipped ones and passes unknown fields over', () => {
    const dump = [
      0x10, 0xe8, 0x07, 0x28, 9, 0x30, 3, 0x38, 4, 0x60, 5, 0x68, 1, 0x70, 2, 0x7d, 1, 2, 3, 4, 0x79,
    ];
    const entry = [...dump, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(parseDumpStats(entryOf(entry))).toEqual({
      pagesWritten: 6,
      pagesSkipped: 4,
      bytes: 6 * 4096,
      frozenMs: 1,
    });
  });

  it('refuses the cleared counters of a post-copy', () => {
    expect(() => parseDumpStats(LAZY)).toThrow(/cleared/);
  });

  it.each([
    ['nothing', new Uint8Array(), /within its head/],
    ['other magic words', RECORDED.with(0, 0), /magic/],
    ['a cut file', RECORDED.subarray(0, 30), /within its entry/],
    ['a cut number', entryOf([0x28, 0x80]), /number ends after/],
    ['an endless number', entryOf([0x28, ...Array(12).fill(0xff), 1]), /too large/],
    ['a field longer than the entry', entryOf([0x28, 1, 0x7a, 100]), /field ends after/],
    ['an unknown wire type', entryOf([0x2f]), /wire type/],
    ['statistics of a restore', head([0x12, 0]), /no entry of a dump/],
    ['a huge file', new Uint8Array(1 << 20), /too many/],
  ])('refuses %s', (_what, bytes, problem) => {
    expect(() => parseDumpStats(bytes)).toThrow(problem);
  });
});

describe('readDumpStats', () => {
  it('reads the file, and names it when it cannot', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'godwit-stats-'));
    try {
      const file = join(dir, 'stats-dump');
      await expect(readDumpStats(file)).rejects.toMatchObject({
        code: 'HOST_FAILED',
        message: expect.stringContaining(file),
      });
      writeFileSync(file, RECORDED);
      expect(await readDumpStats(file)).toMatchObject({ pagesWritten: 16_501 });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
}

function entryOf(dump: number[]): Uint8Array {
  return head([0x0a, dump.length, ...dump]);
}

function head(entry: number[]): Uint8Array {
  return Uint8Array.from([...RECORDED.subarray(0, 8), entry.length, 0, 0, 0, ...entry]);
}
