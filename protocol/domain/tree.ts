import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { LIMITS } from '../limits.ts';
import type { Problems } from './problems.ts';
import { type RawAttribute, type RawTag, scan } from './scan.ts';
import { decodeAttribute, decodeText } from './text.ts';

/** The namespace of godwit's own settings. */
export const DOMAIN_NAMESPACE = 'https://godwit.dev/xmlns/domain/1';

/** One element, namespaces resolved, values decoded, with its place in the source. */
export interface XmlElement {
  /** Local name; `godwit:NAME` in godwit's namespace, `{uri}NAME` in any other. */
  readonly name: string;
  /** The name as written. */
  readonly tag: string;
  readonly offset: number;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** Character data and CDATA sections, joined. */
  readonly text: string;
  /** Children and text in the order of the document. */
  readonly content: readonly (XmlElement | string)[];
  /** Prefixes in scope, each with its namespace; the default namespace has the prefix ''. */
  readonly namespaces: ReadonlyMap<string, string>;
}

export interface XmlAttribute {
  readonly name: string;
  readonly offset: number;
  readonly value: string;
}

type Namespaces = ReadonlyMap<string, string>;
type ParsedNode = Readonly<Record<string | symbol, unknown>>;

const TEXT = '#text';
const CDATA = '#cdata';
const META = XMLParser.getMetaDataSymbol() as symbol;

const parser = new XMLParser({
  preserveOrder: true,
  captureMetaData: true,
  // Attributes come from the scan, which knows their places.
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  textNodeName: TEXT,
  cdataPropName: CDATA,
  // The parser expands nothing; references were checked by the scan and are decoded here.
  processEntities: false,
  ignoreDeclaration: true,
  maxNestedTags: LIMITS.domainXmlDepth + 1,
  onDangerousProperty: (name) => name,
});

/**
 * The root element of a document with LF line ends.
 * @throws GodwitError XML_MALFORMED, XML_REFUSED
 */
export function readTree(source: string, problems: Problems): XmlElement {
  const tags = scan(source, problems);
  const verdict = XMLValidator.validate(source);
  if (verdict !== true) {
    const lines = source.split('\n').slice(0, verdict.err.line - 1);
    const offset = lines.reduce((sum, line) => sum + line.length + 1, 0) + (verdict.err.col ?? 1) - 1;
    return problems.fail('XML_MALFORMED', offset, verdict.err.msg);
  }
  const nodes = parser.parse(source) as ParsedNode[];
  const root = nodes.find((node) => META in node);
  if (!root) return problems.fail('XML_MALFORMED', 0, 'the document has no element');
  return toElement(root, tags, new Map(), problems);
}

function toElement(
  node: ParsedNode,
  tags: ReadonlyMap<number, RawTag>,
  outer: Namespaces,
  problems: Problems,
): XmlElement {
  const offset = (node[META] as { startIndex: number }).startIndex;
  const tag = tags.get(offset);
  if (!tag) return problems.fail('XML_MALFORMED', offset, 'two readers disagree about this element');
  const namespaces = declaredBy(tag.attributes, outer);
  const content = node[tag.name];
  const parts = (Array.isArray(content) ? (content as ParsedNode[]) : []).map((part) =>
    META in part ? toElement(part, tags, namespaces, problems) : textOf(part),
  );
  return {
    name: resolve(tag.name, offset, namespaces, problems),
    tag: tag.name,
    offset,
    attributes: tag.attributes
      .filter(({ name }) => name !== 'xmlns' && !name.startsWith('xmlns:'))
      .map(({ name, nameOffset, value }) => ({ name, offset: nameOffset, value: decodeAttribute(value) })),
    children: parts.filter((part) => typeof part !== 'string'),
    text: parts.filter((part) => typeof part === 'string').join(''),
    content: parts,
    namespaces,
  };
}

function textOf(part: ParsedNode): string {
  if (TEXT in part) return decodeText(String(part[TEXT]));
  if (CDATA in part) return (part[CDATA] as ParsedNode[]).map((piece) => String(piece[TEXT] ?? '')).join('');
  return '';
}

function declaredBy(attributes: readonly RawAttribute[], outer: Namespaces): Namespaces {
  const declared = attributes.filter(({ name }) => name === 'xmlns' || name.startsWith('xmlns:'));
  if (declared.length === 0) return outer;
  const inner = new Map(outer);
  for (const { name, value } of declared) inner.set(name.slice('xmlns:'.length), decodeAttribute(value));
  return inner;
}

function resolve(tag: string, offset: number, namespaces: Namespaces, problems: Problems): string {
  const colon = tag.indexOf(':');
  const prefix = colon === -1 ? '' : tag.slice(0, colon);
  const uri = namespaces.get(prefix) ?? '';
  if (prefix !== '' && uri === '')
    return problems.fail('XML_MALFORMED', offset, `the prefix of <${tag}> is not declared`);
  const local = tag.slice(colon + 1);
  if (uri === '') return local;
  return uri === DOMAIN_NAMESPACE ? `godwit:${local}` : `{${uri}}${local}`;
}
