import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSize } from '../parse/size.ts';
import { formatBytes, formatMs, formatRate, formatTime } from './format.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [1_048_575, '1.0 MiB'],
    [262_144_000, '250.0 MiB'],
    [2 ** 70, '1048576.0 PiB'],
    [undefined, '-'],
    [Number.NaN, '-'],
  ])('of %s is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('says a size that parseSize reads back within its one decimal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 49 }), (bytes) => {
        const back = parseSize(formatBytes(bytes).replace(' ', ''));
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.06 + 1);
      }),
    );
  });
});

describe('formatRate', () => {
  it('is bytes a second', () => {
    expect(formatRate(123_731_968)).toBe('118.0 MiB/s');
    expect(formatRate(undefined)).toBe('-');
  });
});

describe('formatMs', () => {
  it.each([
    [0, '0 ms'],
    [240.4, '240 ms'],
    [999.7, '1.0 s'],
    [3_240, '3.2 s'],
    [59_960, '1m00s'],
    [725_000, '12m05s'],
    [10_920_000, '3h02m'],
    [356_400_000, '4d03h'],
    [null, '-'],
  ])('of %s is %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});

describe('formatTime', () => {
  it('is a time of day, or a dash for what is none', () => {
    expect(formatTime(0)).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(formatTime(Number.NaN)).toBe('-');
  });
});
