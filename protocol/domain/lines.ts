import { escapeAttribute, escapeText } from './text.ts';

type Values = Readonly<Record<string, string | number | undefined>>;

/** A line with an element that holds text; attributes without a value are left out. */
export function text(depth: number, name: string, value: string | number, values: Values = {}): string {
  return `${'  '.repeat(depth)}<${name}${attributes(values)}>${escapeText(String(value))}</${name}>`;
}

/** A line with an empty element. */
export function empty(depth: number, name: string, values: Values = {}): string {
  return `${'  '.repeat(depth)}<${name}${attributes(values)}/>`;
}

/** The lines of an element around those of its content. */
export function nested(depth: number, name: string, values: Values, content: readonly string[]): string[] {
  const indent = '  '.repeat(depth);
  return [`${indent}<${name}${attributes(values)}>`, ...content, `${indent}</${name}>`];
}

/** The lines of an element around those of its content; none when there is no content. */
export function around(depth: number, name: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : nested(depth, name, {}, content);
}

/** A line when there is a value. */
export function maybe(depth: number, name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [text(depth, name, value)];
}

/** A line with a size. */
export function size(depth: number, name: string, bytes: number): string {
  const kib = bytes % 1024 === 0;
  return text(depth, name, kib ? bytes / 1024 : bytes, { unit: kib ? 'KiB' : 'bytes' });
}

function attributes(values: Values): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : ` ${name}='${escapeAttribute(String(value))}'`))
    .join('');
}
