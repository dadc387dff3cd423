import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRate, parseSize } from './size.ts';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['2GiB', 2_147_483_648],
    ['1TiB', 1_099_511_627_776],
    ['1kB', 1_000],
    ['3GB', 3_000_000_000],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'MiB', '-1MiB', '1 MiB', '1mib', '1Mbit', '1M', '1e9', '9999999TiB', '1.2.3B', '1MiB/s'])(
    'refuses %j',
    (text) => {
      expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  it('grows with the unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000 }), (value) => {
        const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].map((unit) => parseSize(`${value}${unit}`));
        for (const [at, size] of sizes.entries()) expect(size).toBe(value * 1024 ** at);
      }),
    );
  });
});

describe('parseRate', () => {
  it('takes a size a second, with or without saying so', () => {
    expect(parseRate('100MiB/s')).toBe(104_857_600);
    expect(parseRate('100MiB')).toBe(104_857_600);
  });

  it.each(['0B/s', '100MiB/h', '100MiB/s/s', '/s', '100Mbit/s'])('refuses %j', (text) => {
    expect(() => parseRate(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
