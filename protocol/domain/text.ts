const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const REFERENCE = /&(?:#([0-9]+)|#x([0-9a-fA-F]+)|([a-z]+));/g;
// What XML 1.0 calls Char, turned round.
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** Offset of the first character that XML does not allow (NUL, lone surrogates, …); -1 if there is none. */
export function forbiddenCharacter(text: string): number {
  return text.search(FORBIDDEN);
}

/** Refuses every `&` that is not one of the five predefined entities or a reference to an allowed character. */
export function checkReferences(
  raw: string,
  offset: number,
  malformed: (offset: number, problem: string) => never,
): void {
  for (let at = raw.indexOf('&'); at !== -1; at = raw.indexOf('&', at + 1)) {
    REFERENCE.lastIndex = at;
    const found = REFERENCE.exec(raw);
    if (found?.index !== at) malformed(offset + at, '"&" does not start a reference; write &amp;');
    else if (decodeReference(found) === undefined)
      malformed(offset + at, `the reference ${found[0].slice(0, 40)} is not known; no entity is expanded`);
  }
}

/** The text that checked character data stands for. */
export function decodeText(raw: string): string {
  return raw.replaceAll(REFERENCE, (all, decimal?: string, hex?: string, name?: string) => {
    return decodeReference([all, decimal, hex, name]) ?? all;
  });
}

/** The value that a checked attribute value stands for: literal white space counts as blanks (XML 1.0, 3.3.3). */
export function decodeAttribute(raw: string): string {
  return decodeText(raw.replaceAll(/[\t\n]/g, ' '));
}

/** Text as character data. */
export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** A value between single quotes. */
export function escapeAttribute(value: string): string {
  return escapeText(value).replaceAll("'", '&apos;').replaceAll('\t', '&#9;').replaceAll('\n', '&#10;');
}

function decodeReference([, decimal, hex, name]: readonly (string | undefined)[]): string | undefined {
  if (name !== undefined) return Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  const digits = decimal ?? hex ?? '';
  const code = Number.parseInt(digits, decimal === undefined ? 16 : 10);
  if (code > 0x10ffff) return undefined;
  const character = String.fromCodePoint(code);
  return forbiddenCharacter(character) === -1 ? character : undefined;
}
