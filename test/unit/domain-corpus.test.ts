import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LIBVIRT_SCHEMA, xmllint } from '../../protocol/domain/fixtures/xmllint.ts';
import { formatDomain } from '../../protocol/domain/mod.ts';
import { roundTrip, verdictOn } from './domain-verdict.ts';

const corpus = new URL('../../protocol/domain/fixtures/corpus/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, corpus), 'utf8');
const names = readdirSync(corpus)
  .filter((file) => file.endsWith('.xml'))
  .map((file) => file.slice(0, -'.xml'.length));
const accepted = names.filter((name) => existsSync(new URL(`${name}.lxc`, corpus)));

describe('the corpus of documents', () => {
  test('holds at least 40, each with one verdict beside it', () => {
    expect(names.length).toBeGreaterThanOrEqual(40);
    expect(readdirSync(corpus).length).toBe(2 * names.length);
    expect(accepted.length).toBeGreaterThanOrEqual(20);
    expect(names.length - accepted.length).toBeGreaterThanOrEqual(20);
  });

  test.each(names)('%s has the expected verdict', (name) => {
    const { kind, text } = verdictOn(read(`${name}.xml`), `${name}.xml`);
    expect(text).toBe(read(`${name}.${kind}`));
  });

  test.each(accepted)('%s comes back from dumpxml as the same container', (name) => {
    const { first, again } = roundTrip(read(`${name}.xml`));
    expect(again).toEqual(first);
  });

  test("libvirt's schema accepts what dumpxml prints of each", () => {
    const documents = accepted.map((name) => formatDomain(roundTrip(read(`${name}.xml`)).first));
    expect(xmllint(documents, ['--relaxng', LIBVIRT_SCHEMA])).toEqual(documents.map(() => undefined));
  });

  test("what looks like libvirt's own is valid for its schema, so that the refusals are godwit's", () => {
    const own = names.filter((name) => name.startsWith('libvirt-like-'));
    const verdicts = xmllint(
      own.map((name) => read(`${name}.xml`)),
      ['--relaxng', LIBVIRT_SCHEMA],
    );
    expect(verdicts).toEqual(own.map(() => undefined));
  });
});
