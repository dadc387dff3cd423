import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { readDocument } from './document-file.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-cli-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function file(content: string | Uint8Array): string {
  const path = join(dir, 'web.xml');
  writeFileSync(path, content);
  return path;
}

describe('readDocument', () => {
  it('reads a file, and standard input for -', async () => {
    expect(await readDocument(file('<domain/>'))).toBe('<domain/>');
    expect(await readDocument('-', Readable.from([Buffer.from('<dom'), Buffer.from('ain/>')]))).toBe(
      '<domain/>',
    );
  });

  it('accepts exactly the limit and refuses one byte more', async () => {
    expect(await readDocument(file('x'.repeat(LIMITS.domainXmlBytes)))).toHaveLength(LIMITS.domainXmlBytes);
    const tooMuch = readDocument(file('x'.repeat(LIMITS.domainXmlBytes + 1)));
    await expect(tooMuch).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  it('stops reading an endless file', async () => {
    await expect(readDocument('/dev/zero')).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  it('refuses what is not there, not a file, or not text', async () => {
    await expect(readDocument(join(dir, 'none'))).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readDocument(dir)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readDocument(file(new Uint8Array([0xff, 0xfe, 0x00])))).rejects.toThrow(/UTF-8/);
  });
});
