import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GodwitError } from '../errors.ts';
import { domainSpec } from './fixtures/arbitrary.ts';
import { fixture, minimal } from './fixtures/documents.ts';
import { LIBVIRT_SCHEMA, xmllint } from './fixtures/xmllint.ts';
import { formatDomain, parseDomain } from './mod.ts';
import type { DomainSpec } from './spec.ts';

const parse = (xml: string): DomainSpec => parseDomain(xml, { file: 'p.xml' });

describe('formatDomain', () => {
  test('what it writes is read back as the same description', () => {
    fc.assert(
      fc.property(domainSpec, (spec) => {
        expect(parse(formatDomain(spec))).toEqual(spec);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test("libvirt's schema accepts what it writes", () => {
    const specs = [
      parse(fixture('redis.xml')),
      parse(fixture('libvirt-lxc.xml')),
      parse(minimal()),
      ...fc.sample(domainSpec, 80),
    ];
    const documents = specs.map(formatDomain);
    const verdicts = xmllint(documents, ['--relaxng', LIBVIRT_SCHEMA]);
    const refused = documents.flatMap((document, index) =>
      verdicts[index] === undefined ? [] : [`${verdicts[index]}\n${document}`],
    );
    expect(refused).toEqual([]);
  }, 60_000);

  test("libvirt's schema is really asked", () => {
    const documents = [minimal(), minimal({ devices: '<gadget/>' }), minimal({ more: '<name>b</name>' })];
    const verdicts = xmllint(documents, ['--relaxng', LIBVIRT_SCHEMA]);
    expect(verdicts.map((verdict) => verdict === undefined)).toEqual([true, false, false]);
  });
});

/** A document with a few random pieces put in, taken out or doubled. */
const mutated = fc
  .record({
    source: fc.constantFrom(fixture('redis.xml'), fixture('libvirt-lxc.xml'), minimal()),
    edits: fc.array(
      fc.record({
        // Unbiased: fast-check would prefer the document's ends, where little is well-formed.
        at: fc.noBias(fc.nat(9_999)),
        remove: fc.constantFrom(0, 0, 0, 1, 2, 12),
        insert: fc.oneof(
          fc.constantFrom(
            ...['<', '>', '/>', '</', '<a>', '</a>', '<!--', '-->', '<![CDATA[', ']]>', '<?x?>', '&', '&lt;'],
            ...[
              '&#x41;',
              '&bad;',
              '"',
              "'",
              '=',
              ' a="1"',
              'xmlns:z="urn:z"',
              '\u0000',
              '\r',
              '\uFEFF',
              '\uD800',
            ],
            ...['<!DOCTYPE d>', '<disk/>', '-1', '../', '__proto__', ''],
          ),
          fc.string({ unit: 'binary', maxLength: 6 }),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ source, edits }) =>
    edits.reduce((text, { at, remove, insert }) => {
      const start = Math.floor((at / 10_000) * text.length);
      return text.slice(0, start) + insert + text.slice(start + remove);
    }, source),
  );

describe('parseDomain', () => {
  test('answers any text with a description or a place within it', () => {
    const anything = fc.oneof(mutated, fc.string({ unit: 'binary', maxLength: 200 }));
    fc.assert(
      fc.property(anything, (xml) => {
        try {
          const spec = parse(xml);
          expect(parse(formatDomain(spec))).toEqual(spec);
        } catch (error) {
          if (!(error instanceof GodwitError)) throw error;
          expect(error.code).toMatch(/^XML_(REFUSED|MALFORMED)$/);
          const { line, column, problem } = error.details as {
            line: number;
            column: number;
            problem: string;
          };
          const lines = xml.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual([...(lines[line - 1] ?? '')].length + 1);
          expect(problem).not.toBe('');
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test('accepts nothing that another parser calls malformed', () => {
    const documents = fc.sample(mutated, 250);
    const verdicts = xmllint(documents, []);
    const wrong = documents.filter((document, index) => verdicts[index] !== undefined && accepts(document));
    expect(wrong).toEqual([]);
    expect(verdicts.filter((verdict) => verdict !== undefined).length).toBeGreaterThan(10);
  }, 60_000);

  test('calls nothing malformed that another parser accepts', () => {
    const documents = fc.sample(mutated, 250);
    const verdicts = xmllint(documents, []);
    const wrong = documents.filter(
      (document, index) => verdicts[index] === undefined && codeOf(document) === 'XML_MALFORMED',
    );
    // Three exceptions: what a wrong encoding leaves behind, names beyond the basic plane, which no element has, and NUL, which ends a
    // document for a parser written in C.
    const excepted = (document: string) =>
      document.includes('\0') || /[\uFFFD\u{10000}-\u{10FFFF}]|\p{Surrogate}/u.test(document);
    expect(wrong.filter((document) => !excepted(document))).toEqual([]);
    expect(verdicts.filter((verdict) => verdict === undefined).length).toBeGreaterThan(10);
  }, 60_000);
});

function codeOf(xml: string): string | undefined {
  try {
    parse(xml);
    return undefined;
  } catch (error) {
    return (error as GodwitError).code;
  }
}

function accepts(xml: string): boolean {
  return codeOf(xml) === undefined;
}
