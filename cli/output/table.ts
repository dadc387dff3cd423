import { printable, visibleWidth } from './text.ts';

/** One column: its title and how to read its cell from an item. */
export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item) => string | number | undefined;
  readonly align?: 'left' | 'right';
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
}

/** A table as text, one line an item, columns two blanks apart and aligned by visible characters. */
export function formatTable<Item>(
  items: readonly Item[],
  columns: readonly Column<Item>[],
  options: { readonly wide?: boolean; readonly headers?: boolean } = {},
): string {
  const shown = columns.filter((column) => options.wide === true || column.wide !== true);
  const rows = items.map((item) => shown.map((column) => cellText(column.cell(item))));
  if (options.headers !== false) rows.unshift(shown.map((column) => column.title));
  const widths = shown.map((_column, at) => Math.max(0, ...rows.map((row) => visibleWidth(row[at] ?? ''))));
  return rows.map((row) => `${row.map(padded).join('  ').trimEnd()}\n`).join('');

  function padded(text: string, at: number): string {
    const fill = ' '.repeat(Math.max(0, (widths[at] ?? 0) - visibleWidth(text)));
    return shown[at]?.align === 'right' ? fill + text : text + fill;
  }
}

function cellText(value: string | number | undefined): string {
  const text = value === undefined ? '' : printable(String(value));
  return text === '' ? '-' : text;
}

/** `key: value` lines for one thing, values aligned; entries without a value are left out. */
export function formatFields(
  fields: readonly (readonly [name: string, value: string | number | undefined])[],
): string {
  const present = fields
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => [`${printable(name)}:`, printable(String(value))] as const);
  const width = Math.max(0, ...present.map(([name]) => visibleWidth(name)));
  return present.map(([name, value]) => `${name.padEnd(width)} ${value}\n`).join('');
}
