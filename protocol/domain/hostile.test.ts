import { describe, expect, test } from 'vitest';
import { GodwitError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { minimal } from './fixtures/documents.ts';
import { refused } from './fixtures/refused.ts';
import { parseDomain } from './mod.ts';

describe('entities and document types', () => {
  test.each([
    ['<!DOCTYPE domain>', 'an empty document type'],
    ['<!doctype domain [<!ENTITY a "b">]>', 'lower case'],
    ['<!DOCTYPE domain SYSTEM "file:///etc/passwd">', 'an external subset'],
    ['<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/shadow">]>', 'an external entity'],
  ])('%s is refused (%s)', (prologue) => {
    expect(refused(minimal({ prologue }))).toBe(
      'XML_REFUSED 1:1 a document type (<!DOCTYPE>) is refused: no entity is expanded',
    );
  });

  test('a billion laughs are refused at once', () => {
    const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`);
    const prologue = `<?xml version="1.0"?>\n<!DOCTYPE domain [<!ENTITY l0 "ha">${laughs.join('')}]>\n`;
    expect(refused(minimal({ prologue, name: '<name>&l9;</name>' }))).toMatch(/^XML_REFUSED 2:1 a document/);
  });

  test.each([
    ['&l9;', 7],
    ['web&nbsp;', 10],
    ['&#0;', 7],
    ['&#xD800;', 7],
    ['&#x110000;', 7],
    ['&#99999999999999999999;', 7],
    ['&#x;', 7],
    ['&LT;', 7],
    ['a & b', 9],
    ['a &amp b', 9],
    ['&toString;', 7],
  ])('the reference %s is refused where it stands', (text, column) => {
    expect(refused(minimal({ name: `<name>${text}</name>` }))).toMatch(
      new RegExp(`^XML_MALFORMED 2:${column} .*(reference|&amp;)`),
    );
  });

  test('a reference in an attribute is refused where it stands', () => {
    expect(refused(minimal({ domain: "<domain type='lxc' xmlns:a='&b;'>" }))).toMatch(/^XML_MALFORMED 1:29 /);
  });
});

describe('documents that are no XML', () => {
  test.each<[string, string, string]>([
    ['nothing', '', 'XML_MALFORMED 1:1 the document has no element'],
    ['white space', ' \n ', 'XML_MALFORMED 2:2 the document has no element'],
    ['text', 'domain', 'XML_MALFORMED 1:1 text outside'],
    ['JSON', '{"domain": 1}', 'XML_MALFORMED 1:1 text outside'],
    ['text after the root', `${minimal()}x`, 'XML_MALFORMED 10:10 text outside'],
    ['a second root', `${minimal()}<domain/>`, 'XML_MALFORMED 10:10 a second root element <domain>'],
    ['an unclosed root', minimal().replace('</domain>', ''), 'XML_MALFORMED 1:1 <domain> is never closed'],
    ['crossed tags', minimal({ more: '<a><b></a></b>' }), 'XML_MALFORMED 9:7 </a> where </b> was expected'],
    ['a stray end tag', `</domain>`, 'XML_MALFORMED 1:1 </domain> closes nothing'],
    ['an unclosed tag', '<domain type="lxc"', 'XML_MALFORMED 1:1 the tag <domain is never closed'],
    ['an open quote', "<domain type='lxc>", 'XML_MALFORMED 1:14 the value of type is never closed'],
    ['a bare value', '<domain type=lxc/>', 'XML_MALFORMED 1:14 the value of type is not quoted'],
    ['no value', '<domain type/>', 'XML_MALFORMED 1:9 the attribute type has no value'],
    ['attributes in one', "<domain a='1'b='2'/>", 'XML_MALFORMED 1:14 white space or ">" is missing'],
    ['< in a value', "<domain a='<'/>", 'XML_MALFORMED 1:12 "<" in the value of a'],
    ['< in text', minimal({ name: '<name>a < b</name>' }), 'XML_MALFORMED 2:9 "<" does not start a tag'],
    [
      'an attribute twice',
      "<domain type='lxc' type='lxc'/>",
      'XML_MALFORMED 1:20 the attribute type is given twice',
    ],
    ['an end tag with more', '<domain></domain x="1">', 'XML_MALFORMED 1:9 a broken end tag'],
    ['an open comment', '<domain><!-- ', 'XML_MALFORMED 1:9 the comment is never closed'],
    ['-- in a comment', '<domain><!-- a -- b --></domain>', 'XML_MALFORMED 1:9 "--" inside a comment'],
    ['--- at its end', '<domain><!-- a ---></domain>', 'XML_MALFORMED 1:9 "--" inside a comment'],
    ['an open CDATA section', '<domain><![CDATA[ ', 'XML_MALFORMED 1:9 the CDATA section is never closed'],
    ['CDATA before the root', '<![CDATA[x]]><domain/>', 'XML_MALFORMED 1:1 a CDATA section outside'],
    ['the end of none', '<domain>]]></domain>', 'XML_MALFORMED 1:9 "]]>" in text'],
    ['a declaration inside', '<domain><!ENTITY a "b"></domain>', 'XML_MALFORMED 1:9 a markup declaration'],
    ['a late XML declaration', ' <?xml version="1.0"?><domain/>', 'XML_MALFORMED 1:2 the XML declaration'],
    ['a wrong XML declaration', '<?xml encoding="UTF-8"?><domain/>', 'XML_MALFORMED 1:1 the XML declaration'],
    ['an undeclared prefix', '<a:domain/>', 'XML_MALFORMED 1:1 the prefix of <a:domain> is not declared'],
    ['a name with two colons', '<a:b:c/>', 'XML_MALFORMED 1:5 white space or ">" is missing'],
    ['a name that is none', '<1/>', 'XML_MALFORMED 1:1 "<" does not start a tag'],
  ])('%s', (_what, xml, message) => {
    expect(refused(xml).slice(0, message.length)).toBe(message);
  });
});

describe('encodings', () => {
  test.each<[string, string, string]>([
    [
      'a declared one',
      '<?xml version="1.0" encoding="ISO-8859-1"?>',
      'XML_REFUSED 1:1 the encoding "ISO-8859-1"',
    ],
    ['XML 1.1', '<?xml version="1.1"?>', 'XML_REFUSED 1:1 XML version "1.1"'],
    [
      'UTF-16',
      Buffer.from('<domain/>', 'utf16le').toString('latin1'),
      'XML_MALFORMED 1:2 the character U+0000',
    ],
    [
      'bytes that are not UTF-8',
      Buffer.from([0x20, 0x3c, 0xe9]).toString(),
      'XML_MALFORMED 1:3 the document is not UTF-8',
    ],
    ['a lone surrogate', '<a>\ud800</a>', 'XML_MALFORMED 1:4 the character U+D800'],
    ['an escape character', '<a>\u001b[2J</a>', 'XML_MALFORMED 1:4 the character U+001B'],
    ['a second byte order mark', '\uFEFF\uFEFF', 'XML_MALFORMED 1:1 text outside'],
  ])('%s is refused', (_what, prologue, message) => {
    expect(refused(minimal({ prologue })).slice(0, message.length)).toBe(message);
  });

  test('columns count characters, lines any line end', () => {
    expect(refused(minimal({ name: '<name>\u{1F600}&x;</name>' }))).toMatch(/^XML_MALFORMED 2:8 /);
    expect(refused('<domain>\r\n\r \n&x;</domain>')).toMatch(/^XML_MALFORMED 4:1 /);
  });
});

describe('size and depth', () => {
  test.each([
    ['garbage', 'x'.repeat(10 * 1024 ** 2)],
    ['tags', '<a>'.repeat(4 * 1024 ** 2)],
    ['a good document with a long comment', minimal({ more: `<!--${' '.repeat(10 * 1024 ** 2)}-->` })],
  ])('10 MB of %s are refused before they are read', (_what, xml) => {
    const verdict = refused(xml);
    expect(verdict).toMatch(/^XML_REFUSED 1:1 the document has at least \d{8} bytes; 262144 are the limit$/);
  });

  test('the limit counts bytes', () => {
    const room = LIMITS.domainXmlBytes - minimal({ more: '<!---->' }).length;
    expect(refused(minimal({ more: `<!--${' '.repeat(room)}-->` }))).toBe('accepted');
    expect(refused(minimal({ more: `<!--${' '.repeat(room - 1)}é-->` }))).toMatch(/^XML_REFUSED 1:1 /);
  });

  test.each<[string, string, RegExp]>([
    ['open tags', '<a>'.repeat(80_000), /^XML_REFUSED 1:97 elements are nested deeper than 32$/],
    [
      'attributes',
      `<a ${Array.from({ length: 25_000 }, (_, i) => `a${i}=""`).join(' ')}/>`,
      /^XML_REFUSED 1:\d+ more than 32 attr/,
    ],
    [
      'unknown elements',
      `<domain type="lxc">${'<a/>'.repeat(60_000)}</domain>`,
      /^XML_REFUSED 1:1 <domain> needs/,
    ],
    ['references', `<domain>${'&amp;'.repeat(50_000)}</domain>`, /^XML_REFUSED 1:1 /],
    ['ampersands', `<domain>${'&'.repeat(260_000)}</domain>`, /^XML_MALFORMED 1:9 /],
    ['comment marks', `<domain>${'<!--'.repeat(60_000)}</domain>`, /^XML_MALFORMED 1:9 /],
    ['blanks in a tag', `<domain ${' '.repeat(260_000)}`, /^XML_MALFORMED 1:1 /],
    ['one long name', `<${'a'.repeat(260_000)}/>`, /^XML_REFUSED 1:1 the root element is <a{60}>/],
    ['interfaces', minimal({ devices: '<interface/>'.repeat(20_000) }), /^XML_REFUSED 7:1 <interface> needs/],
  ])(
    'a document full of %s is refused with a short message, long before the test times out',
    (_what, xml, message) => {
      const verdict = refused(xml);
      expect(verdict).toMatch(message);
      expect(verdict.length).toBeLessThan(4_000);
    },
  );
});

describe('several refusals', () => {
  test('come together, in the order of the document', () => {
    const xml = minimal({ name: '<name>../x</name>', memory: '<memory>-1</memory>', devices: '<disk/>' });
    try {
      parseDomain(xml, { file: 'f.xml' });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(GodwitError);
      const { details, exitCode, hint } = error as GodwitError;
      expect(exitCode).toBe(2);
      expect(hint).toMatch(/remove or change the element/);
      expect(details.problems).toMatchObject([
        { line: 2, column: 1 },
        { line: 3, column: 1 },
        { line: 7, column: 1 },
      ]);
      expect((error as GodwitError).message).toMatch(/^f\.xml:2:1: .*; 3:1: .*; 7:1: <disk> in <devices>/);
    }
  });

  test('are bounded', () => {
    const xml = minimal({ more: '<x/>'.repeat(500) });
    expect(() => parseDomain(xml, { file: '-' })).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          problems: expect.toSatisfy((list: unknown[]) => list.length === LIMITS.domainProblems),
        }),
      }),
    );
  });
});
