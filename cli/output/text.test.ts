import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableLines, truncate, visibleWidth } from './text.ts';

describe('printable', () => {
  it('takes the sting out of what comes from the network', () => {
    expect(printable('a\u001b[31mred\u001b[0m\r\nb\u0007\u202ec')).toBe('ared bc');
  });

  it('never leaves a control character or a second line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}]/u);
      }),
    );
  });
});

describe('printableLines', () => {
  it('keeps the lines of a document', () => {
    expect(printableLines('<a>\n\t<b/>\u001b[2J\u0000</a>\n')).toBe('<a>\n\t<b/></a>\n');
  });
});

describe('visibleWidth', () => {
  it.each([
    ['plain', 5],
    ['\u001b[1mbold\u001b[0m', 4],
    ['e\u0301', 1],
    ['日本', 4],
    ['', 0],
  ])('of %j is %i', (text, width) => {
    expect(visibleWidth(text)).toBe(width);
  });
});

describe('truncate', () => {
  it('cuts to the columns there are and shows that it did', () => {
    expect(truncate('migrating', 6)).toBe('migra…');
    expect(truncate('fits', 4)).toBe('fits');
    expect(truncate('日本語', 4)).toBe('日…');
  });

  it('never takes more columns than there are', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 20 }), (text, columns) => {
        expect(visibleWidth(truncate(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});
