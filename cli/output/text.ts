import { stripVTControlCharacters } from 'node:util';

/** Text from the network made safe for a terminal: no escape sequences, no control characters, one line. */
export function printable(text: string): string {
  const bare = stripVTControlCharacters(text).replaceAll(/\s+/g, ' ');
  return bare.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '').trim();
}

/** Like {@link printable}, but keeps the line breaks and tabs of a document. */
export function printableLines(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\n\t]/gu, '');
}

/** Columns the text takes: escape sequences and combining marks take none, East Asian wide characters two. */
export function visibleWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/^[\p{M}\p{Cc}\p{Cf}]$/u.test(character)) continue;
    width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return width;
}

/** The text cut to `columns`; what was cut shows as `…`. */
export function truncate(text: string, columns: number): string {
  if (visibleWidth(text) <= columns) return text;
  let kept = '';
  for (const character of text) {
    if (visibleWidth(kept + character) > columns - 1) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : '';
}

const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function isWide(codePoint: number): boolean {
  return WIDE.some(([first, last]) => codePoint >= first && codePoint <= last);
}
