import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { recordedTerminal } from '../../test/support/terminal.ts';
import { type Format, parseFormat, writeList } from './document.ts';

async function listed(format: Format): Promise<string> {
  const terminal = recordedTerminal();
  const listing = {
    type: 'io.godwit.v1.node.list',
    items: [{ node: 'n1' }, { node: 'n2' }],
    columns: [{ title: 'NODE', cell: (item: { node: string }) => item.node }],
    name: (item: { node: string }) => item.node,
  };
  await writeList(terminal, listing, { format, headers: true });
  return terminal.stdout();
}

describe('writeList', () => {
  const document = { type: 'io.godwit.v1.node.list', items: [{ node: 'n1' }, { node: 'n2' }] };

  it('writes one document {type, items}', async () => {
    expect(JSON.parse(await listed('json'))).toEqual(document);
    expect(yaml.parse(await listed('yaml'))).toEqual(document);
  });

  it('writes a table or bare names', async () => {
    expect(await listed('table')).toBe('NODE\nn1\nn2\n');
    expect(await listed('name')).toBe('n1\nn2\n');
  });
});

describe('parseFormat', () => {
  it('knows its formats and refuses others', () => {
    expect(parseFormat('yaml')).toBe('yaml');
    expect(() => parseFormat('toString')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
