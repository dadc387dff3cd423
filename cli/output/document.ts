import { GodwitError } from '../../protocol/errors.ts';
import type { Terminal } from '../terminal.ts';
import { type Column, formatTable } from './table.ts';
import { printable } from './text.ts';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
/** How results are written (`-o`). */
export type Format = (typeof FORMATS)[number];

/** The value of `-o`. @throws GodwitError USAGE */
export function parseFormat(text: string): Format {
  const format = FORMATS.find((known) => known === text);
  if (format === undefined) {
    throw new GodwitError('USAGE', { problem: `'${text}' is not an output format (${FORMATS.join(', ')})` });
  }
  return format;
}

/** A document as JSON or YAML; undefined when `format` is one for people. YAML is loaded only when asked for. */
export async function formatDocument(document: unknown, format: Format): Promise<string | undefined> {
  if (format === 'json') return `${JSON.stringify(document, undefined, 2)}\n`;
  if (format !== 'yaml') return undefined;
  const yaml = await import('yaml');
  return yaml.stringify(document);
}

/** What a list command prints. */
export interface Listing<Item> {
  /** The document's `type`. */
  readonly type: string;
  readonly items: readonly Item[];
  readonly columns: readonly Column<Item>[];
  /** What `-o name` prints, one a line. */
  readonly name: (item: Item) => string;
}

/** Writes a list to stdout in the chosen format: one document `{type, items}`, a table, or bare names. */
export async function writeList<Item>(
  terminal: Terminal,
  listing: Listing<Item>,
  options: { readonly format: Format; readonly headers: boolean },
): Promise<void> {
  const { type, items } = listing;
  const text = await formatDocument({ type, items }, options.format);
  if (text !== undefined) return terminal.out(text);
  if (options.format === 'name')
    return terminal.out(items.map((item) => `${printable(listing.name(item))}\n`).join(''));
  const wide = options.format === 'wide';
  terminal.out(formatTable(items, listing.columns, { wide, headers: options.headers }));
}

/** Writes one thing to stdout in the chosen format: its document, its bare name, or the text for people. */
export async function writeOne(
  terminal: Terminal,
  format: Format,
  one: { readonly document: object; readonly name: string; readonly text: () => string },
): Promise<void> {
  if (format === 'name') terminal.out(`${printable(one.name)}\n`);
  else terminal.out((await formatDocument(one.document, format)) ?? one.text());
}
