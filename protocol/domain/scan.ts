import { LIMITS } from '../limits.ts';
import { type Problems, quote } from './problems.ts';
import { checkReferences } from './text.ts';

/** An attribute as it stands in the source: name and raw value with their places. */
export interface RawAttribute {
  readonly name: string;
  readonly nameOffset: number;
  readonly value: string;
}

/** A start tag as it stands in the source. */
export interface RawTag {
  readonly name: string;
  readonly attributes: readonly RawAttribute[];
}

// NameStartChar and NameChar of XML 1.0, without the colon that joins prefix and local name.
const START =
  'A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C-\\u200D\\u2070-\\u218F' +
  '\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}';
const PART = `[${START}][${START}\\-.0-9\\u00B7\\u0300-\\u036F\\u203F-\\u2040]*`;
const NAME = new RegExp(`${PART}(?::${PART})?`, 'uy');
const SPACE = /[ \t\n]*/y;
const DECLARATION =
  /<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(["'])([^"'<&]*)\1(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(["'])([^"'<&]*)\3)?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(["'])(?:yes|no)\5)?[ \t\n]*\?>/y;
// The parser refuses them with no place, because they would reach object prototypes.
const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * One strict pass over the source. It finds the place of every start tag and attribute (the result is keyed by the
 * offset of the `<`), and refuses what the parser would let pass: document types, processing instructions, unknown
 * entities, stray markup characters, unclosed or unbalanced constructs, too much depth.
 * @throws GodwitError XML_REFUSED, XML_MALFORMED
 */
export function scan(source: string, problems: Problems): ReadonlyMap<number, RawTag> {
  const tags = new Map<number, RawTag>();
  const open: { readonly name: string; readonly offset: number }[] = [];
  const malformed = (offset: number, problem: string) => problems.fail('XML_MALFORMED', offset, problem);
  const match = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? '';
  };
  const closing = (mark: string, from: number, start: number, what: string) => {
    const at = source.indexOf(mark, from);
    return at === -1 ? malformed(start, `the ${what} is never closed`) : at;
  };

  let at = readDeclaration(source, problems);
  while (at < source.length) {
    const next = source.indexOf('<', at);
    const end = next === -1 ? source.length : next;
    checkText(at, end);
    at = next === -1 ? end : readMarkup(next);
  }
  const unclosed = open.at(-1);
  if (unclosed) malformed(unclosed.offset, `<${unclosed.name}> is never closed`);
  if (tags.size === 0) malformed(source.length, 'the document has no element');
  return tags;

  function checkText(from: number, to: number): void {
    const text = source.slice(from, to);
    if (open.length === 0) {
      const stray = text.search(/[^ \t\n]/);
      if (stray !== -1) malformed(from + stray, 'text outside the root element');
      return;
    }
    const cdataEnd = text.indexOf(']]>');
    if (cdataEnd !== -1) malformed(from + cdataEnd, '"]]>" in text');
    checkReferences(text, from, malformed);
  }

  /** Reads the construct that starts at `start`; returns where it ends. */
  function readMarkup(start: number): number {
    if (source.startsWith('<!--', start)) return readComment(start);
    if (source.startsWith('<![CDATA[', start)) {
      if (open.length === 0) malformed(start, 'a CDATA section outside the root element');
      return closing(']]>', start + 9, start, 'CDATA section') + 3;
    }
    if (/^<!DOCTYPE/i.test(source.slice(start, start + 9)))
      problems.fail('XML_REFUSED', start, 'a document type (<!DOCTYPE>) is refused: no entity is expanded');
    if (source.startsWith('<!', start)) malformed(start, 'a markup declaration outside a document type');
    if (source.startsWith('<?', start)) {
      const target = match(NAME, start + 2);
      if (target.toLowerCase() === 'xml')
        malformed(start, 'the XML declaration is wrong or not at the start');
      problems.fail('XML_REFUSED', start, `the processing instruction <?${cut(target)}?> cannot be honoured`);
    }
    return source.startsWith('</', start) ? readEndTag(start) : readStartTag(start);
  }

  function readComment(start: number): number {
    const end = closing('-->', start + 4, start, 'comment');
    const body = source.slice(start + 4, end);
    if (body.includes('--') || body.endsWith('-')) malformed(start, '"--" inside a comment');
    return end + 3;
  }

  function readEndTag(start: number): number {
    const name = match(NAME, start + 2);
    const end = start + 2 + name.length;
    const close = end + match(SPACE, end).length;
    if (name === '' || source[close] !== '>') malformed(start, 'a broken end tag');
    const opened = open.pop();
    if (!opened) return malformed(start, `</${cut(name)}> closes nothing`);
    if (opened.name !== name) malformed(start, `</${cut(name)}> where </${cut(opened.name)}> was expected`);
    return close + 1;
  }

  function readStartTag(start: number): number {
    const name = match(NAME, start + 1);
    if (name === '') malformed(start, '"<" does not start a tag here; write &lt; for the character');
    if (open.length === 0 && tags.size > 0) malformed(start, `a second root element <${cut(name)}>`);
    if (RESERVED.has(name)) problems.fail('XML_REFUSED', start, `<${name}> cannot be honoured`);
    const attributes: RawAttribute[] = [];
    tags.set(start, { name, attributes });
    let at = start + 1 + name.length;
    for (;;) {
      const space = match(SPACE, at).length;
      at += space;
      const empty = source.startsWith('/>', at);
      if (source[at] === '>' || empty) {
        if (open.length >= LIMITS.domainXmlDepth)
          problems.fail('XML_REFUSED', start, `elements are nested deeper than ${LIMITS.domainXmlDepth}`);
        if (!empty) open.push({ name, offset: start });
        return at + (empty ? 2 : 1);
      }
      if (at >= source.length) malformed(start, `the tag <${cut(name)} is never closed`);
      if (space === 0) malformed(at, `white space or ">" is missing in the tag <${cut(name)}`);
      at = readAttribute(at, attributes);
    }
  }

  function readAttribute(start: number, attributes: RawAttribute[]): number {
    const name = match(NAME, start);
    if (name === '') malformed(start, 'an attribute name was expected');
    let at = start + name.length;
    at += match(SPACE, at).length;
    if (source[at] !== '=') malformed(start, `the attribute ${cut(name)} has no value`);
    at += 1 + match(SPACE, at + 1).length;
    const mark = source[at];
    if (mark !== '"' && mark !== "'") return malformed(at, `the value of ${cut(name)} is not quoted`);
    const end = closing(mark, at + 1, at, `value of ${cut(name)}`);
    const value = source.slice(at + 1, end);
    const less = value.indexOf('<');
    if (less !== -1) malformed(at + 1 + less, `"<" in the value of ${cut(name)}; write &lt;`);
    checkReferences(value, at + 1, malformed);
    if (attributes.some((other) => other.name === name))
      malformed(start, `the attribute ${cut(name)} is given twice`);
    if (attributes.length >= LIMITS.domainXmlAttributes)
      problems.fail('XML_REFUSED', start, `more than ${LIMITS.domainXmlAttributes} attributes in one tag`);
    attributes.push({ name, nameOffset: start, value });
    return end + 1;
  }
}

/** Checks the XML declaration, if there is one; returns where the rest starts. */
function readDeclaration(source: string, problems: Problems): number {
  if (!/^<\?xml[ \t\n]/.test(source)) return 0;
  DECLARATION.lastIndex = 0;
  const found = DECLARATION.exec(source);
  if (!found) return problems.fail('XML_MALFORMED', 0, 'the XML declaration is wrong');
  const [all, , version = '', , encoding = 'UTF-8'] = found;
  if (version !== '1.0')
    problems.fail('XML_REFUSED', 0, `XML version ${quote(version)} is refused; 1.0 is read`);
  if (!/^(utf-8|us-ascii)$/i.test(encoding))
    problems.fail('XML_REFUSED', 0, `the encoding ${quote(encoding)} is refused; UTF-8 is read`);
  return all.length;
}

function cut(name: string): string {
  return name.length > 60 ? `${name.slice(0, 57)}...` : name;
}
