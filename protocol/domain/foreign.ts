import { type Problems, quote } from './problems.ts';
import { escapeAttribute, escapeText } from './text.ts';
import type { XmlElement } from './tree.ts';

/** The characters of a URI (RFC 3986), without the brackets that only addresses have. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

/**
 * Another application's metadata as it is kept: the element with all it holds, without comments; its first tag declares
 * every prefix that was in scope. Refuses what libvirt would refuse: an element without namespace, one that is no URI.
 */
export function readForeign(element: XmlElement, problems: Problems): string {
  if (!element.name.startsWith('{'))
    problems.refuse(element.offset, `<${element.tag.slice(0, 60)}> in <metadata> has no namespace`);
  return write(element, new Map(), problems);
}

function write(element: XmlElement, outer: ReadonlyMap<string, string>, problems: Problems): string {
  const declared = [...element.namespaces].filter(([prefix, uri]) => (outer.get(prefix) ?? '') !== uri);
  for (const [, uri] of declared)
    if (uri !== '' && !(URI.test(uri) && URL.canParse(uri)))
      problems.refuse(element.offset, `the namespace ${quote(uri)} is not a URI`);
  const attributes = [
    ...declared.map(([prefix, uri]) => ({ name: prefix === '' ? 'xmlns' : `xmlns:${prefix}`, value: uri })),
    ...element.attributes,
  ];
  const start = [
    element.tag,
    ...attributes.map(({ name, value }) => `${name}='${escapeAttribute(value)}'`),
  ].join(' ');
  if (element.content.length === 0) return `<${start}/>`;
  const content = element.content.map((part) =>
    typeof part === 'string' ? escapeText(part) : write(part, element.namespaces, problems),
  );
  return `<${start}>${content.join('')}</${element.tag}>`;
}
