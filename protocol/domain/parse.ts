import { LIMITS } from '../limits.ts';
import { readBasics } from './basics.ts';
import { DOMAIN_CHILDREN } from './children.ts';
import { checkFixed, readEvents } from './confirmed.ts';
import { readDevices } from './devices.ts';
import { attributesOf, childrenOf, offsetOf } from './element.ts';
import { readMetadata } from './metadata.ts';
import { readOs } from './os.ts';
import { createProblems, type Problems } from './problems.ts';
import { readRights } from './rights.ts';
import type { DomainSpec } from './spec.ts';
import { forbiddenCharacter } from './text.ts';
import { readTree, type XmlElement } from './tree.ts';
import { readTuning } from './tuning.ts';
import { readChoice } from './values.ts';
import { checkVolumes } from './volumes.ts';

/**
 * Reads a container's domain XML (protocol/README.md says what is honoured). A missing uuid or MAC address gets a
 * stable value. What cannot be honoured is refused by name and place, nothing is dropped; all refusals are in the one
 * error (`details.problems`), the first in the document first.
 * @param options.file what people call the document, for messages
 * @throws GodwitError XML_REFUSED, XML_MALFORMED
 */
export function parseDomain(xml: string, options: { readonly file: string }): DomainSpec {
  checkSize(xml, options.file);
  const source = xml.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n');
  const problems = createProblems(source, options.file);
  checkCharacters(source, problems);
  const spec = readDomain(readTree(source, problems), problems);
  problems.finish();
  return spec;
}

function readDomain(domain: XmlElement, problems: Problems): DomainSpec {
  if (domain.name !== 'domain') {
    const root = domain.tag.slice(0, 60);
    const space = domain.name.endsWith('}domain') ? ' of another namespace' : '';
    problems.fail('XML_REFUSED', domain.offset, `the root element is <${root}>${space}, not <domain>`);
  }
  const { type } = attributesOf(domain, { required: ['type'] }, problems);
  if (type !== '')
    readChoice(type, ['lxc', 'lxctools'], 'the domain type', offsetOf(domain, 'type'), problems);
  const children = childrenOf(domain, DOMAIN_CHILDREN, problems);
  checkFixed(children, problems);
  const events = readEvents(children, problems);
  const metadata = readMetadata(children.metadata[0], problems);
  const basics = readBasics(domain, children, problems);
  const spec = {
    ...basics,
    ...readOs(domain, children.os[0], problems),
    ...readTuning(children, problems),
    ...readRights(children, problems),
    ...readDevices(domain, children.devices[0], basics.uuid, problems),
    ...metadata,
    policy: { ...metadata.policy, ...events },
  };
  checkVolumes(spec, children.metadata[0], problems);
  return spec;
}

/** Refuses a document that is too large before anything else looks at it. */
function checkSize(xml: string, file: string): void {
  const limit = LIMITS.domainXmlBytes;
  // A string has at least as many bytes as UTF-16 units, so a huge one is not even encoded.
  const bytes = xml.length > limit ? xml.length : new TextEncoder().encode(xml).length;
  if (bytes <= limit) return;
  createProblems('', file).fail(
    'XML_REFUSED',
    0,
    `the document has at least ${bytes} bytes; ${limit} are the limit`,
  );
}

function checkCharacters(source: string, problems: Problems): void {
  const at = forbiddenCharacter(source);
  if (at !== -1) {
    const code = (source.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    problems.fail('XML_MALFORMED', at, `the character U+${code} is not allowed; is the document UTF-8?`);
  }
  // What a decoder puts in the place of bytes it could not read.
  const replaced = source.indexOf('\uFFFD');
  if (replaced !== -1) problems.fail('XML_MALFORMED', replaced, 'the document is not UTF-8');
}
