import { describe, expect, it } from 'vitest';
import { formatFields, formatTable } from './table.ts';

const COLUMNS = [
  { title: 'NAME', cell: (item: Item) => item.name },
  { title: 'BYTES', cell: (item: Item) => item.bytes, align: 'right' as const },
  { title: 'MORE', cell: () => 'x', wide: true },
];
interface Item {
  name: string;
  bytes?: number;
}

describe('formatTable', () => {
  it('aligns by what is seen', () => {
    const table = formatTable(
      [{ name: 'a', bytes: 1_000 }, { name: '日本', bytes: 7 }, { name: 'long-name' }],
      COLUMNS,
    );
    expect(table).toBe('NAME       BYTES\na           1000\n日本           7\nlong-name      -\n');
  });

  it('shows the wide columns when asked and leaves the titles out when asked', () => {
    expect(formatTable([{ name: 'a', bytes: 1 }], COLUMNS, { wide: true, headers: false })).toBe('a  1  x\n');
  });

  it('is only titles without items, and nothing without those', () => {
    expect(formatTable([], COLUMNS)).toBe('NAME  BYTES\n');
    expect(formatTable([], COLUMNS, { headers: false })).toBe('');
  });

  it('keeps a hostile cell on its line', () => {
    expect(formatTable([{ name: 'a\nb\u001b[2Jc' }], COLUMNS, { headers: false })).toBe('a bc  -\n');
  });
});

describe('formatFields', () => {
  it('aligns the values and leaves out what is not known', () => {
    expect(
      formatFields([
        ['name', 'web'],
        ['pid', undefined],
        ['addresses', '10.0.0.1'],
        ['job', ''],
      ]),
    ).toBe('name:      web\naddresses: 10.0.0.1\n');
  });
});
