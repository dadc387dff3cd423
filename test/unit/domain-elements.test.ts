import { describe, expect, test } from 'vitest';
import type { ElementText } from '../../protocol/docs/element-row.ts';
import { ELEMENT_TEXTS } from '../../protocol/docs/element-texts.ts';
import { DOMAIN_CHILDREN } from '../../protocol/domain/children.ts';
import { minimal, type Parts } from '../../protocol/domain/fixtures/documents.ts';
import { verdictOn } from './domain-verdict.ts';

const GODWIT = "<g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'>";
const SETTINGS = `${GODWIT}<g:lxc>`;

function documentWith({ in: where, example }: ElementText): string {
  const parts: Readonly<Record<ElementText['in'], Parts>> = {
    none: { os: "<os><type arch='x86_64'>exe</type></os>" },
    domain: { more: example },
    os: { os: `<os><type>exe</type>${example}</os>` },
    devices: { devices: example },
    interface: { devices: `<interface type='bridge'><source bridge='br0'/>${example}</interface>` },
    lifecycle: { more: `<metadata>${GODWIT}${example}</g:settings></metadata>` },
    volume: {
      devices: "<filesystem><source dir='/srv/data'/><target dir='/data'/></filesystem>",
      more: `<metadata>${GODWIT}${example}</g:settings></metadata>`,
    },
    settings: { more: `<metadata>${SETTINGS}${example}</g:lxc></g:settings></metadata>` },
  };
  return minimal(parts[where]);
}

/** What a document adds to, or changes in, the smallest one. */
function changesOf(document: string): string[] {
  const plain = new Set(verdictOn(minimal(), 'plain').text.split('\n'));
  return verdictOn(document, 'example')
    .text.split('\n')
    .filter((line) => !plain.has(line));
}

describe('the table of elements (protocol/domain/ELEMENTS.md)', () => {
  test.each(ELEMENT_TEXTS.map((text) => [text.element, text] as const))(
    '%s does what its row says',
    (_name, text) => {
      const { kind, text: lines } = verdictOn(documentWith(text), 'example');
      expect(kind, lines).toBe('lxc');
      for (const key of text.keys) expect(`\n${lines}`).toContain(`\n${key} = `);
      for (const file of text.files) expect(lines).toMatch(new RegExp(`/(\\S+\\|)*${file}(\\|\\S+)* = `));
    },
  );

  test.each(ELEMENT_TEXTS.map((text) => [text.element, text] as const))(
    '%s changes nothing in LXC that its row does not say',
    (_name, text) => {
      // An interface needs more than the element in question, and a stable value may be another one.
      if (text.in === 'interface' || text.in === 'none' || text.element === 'devices/interface network')
        return;
      const said = [
        ...text.keys,
        ...text.files.map((file) => file.replace(/^blkio.weight$/, 'blkio.weight|')),
      ];
      const unsaid = changesOf(documentWith(text)).filter(
        (line) =>
          !said.some((word) => line.includes(word)) &&
          !/^lxc.(net.0|cgroup2.(cpu.max|memory.max))/.test(line),
      );
      expect(unsaid.filter((line) => !/^(memory|cpu)\//.test(line))).toEqual([]);
    },
  );

  test('has a row for each child of <domain> that is read', () => {
    const named = ELEMENT_TEXTS.flatMap(({ element }) =>
      element.split(', ').map((word) => word.split(/[/@ ]/)[0]),
    );
    expect(Object.keys(DOMAIN_CHILDREN).filter((name) => !named.includes(name))).toEqual([]);
  });
});
