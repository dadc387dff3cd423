import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, parsePositiveDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['300ms', 300],
    ['10s', 10_000],
    ['1.5s', 1_500],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['1h2m3s4ms', 3_723_004],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['576h', 2_073_600_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each([
    '',
    '10',
    's',
    '-1s',
    '1d',
    '10 s',
    '1s ',
    ' 1s',
    '1..5s',
    '1e3s',
    '1s!',
    'ms300',
    'NaNs',
    '577h',
    '0x1s',
  ])('refuses %j as a usage error of one line', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'USAGE', exitCode: 2 }));
    expect(() => parseDuration(text)).toThrow(/^[^\n]+$/);
  });

  it('reads back every sum of whole parts', () => {
    const part = (max: number) => fc.integer({ min: 0, max });
    fc.assert(
      fc.property(part(500), part(59), part(59), part(999), (h, m, s, ms) => {
        const expected = ((h * 60 + m) * 60 + s) * 1000 + ms;
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(expected);
      }),
    );
  });

  it('never answers anything but a finite, non-negative number or a usage error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{0,5}[nuµmsh]{0,3}[\d.]{0,4}[ms]{0,2}$/)),
        (text) => {
          try {
            const ms = parseDuration(text);
            expect(Number.isFinite(ms) && ms >= 0).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'USAGE' });
          }
        },
      ),
    );
  });
});

describe('parsePositiveDuration', () => {
  it('rounds to whole milliseconds', () => {
    expect(parsePositiveDuration('1.6ms')).toBe(2);
  });

  it.each(['0', '0s', '100us'])('refuses %s: less than a millisecond', (text) => {
    expect(() => parsePositiveDuration(text)).toThrow(/at least 1ms/);
  });
});
