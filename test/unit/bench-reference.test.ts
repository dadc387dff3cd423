import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { filesOf, REFERENCE_DIR } from '../bench/report/mod.ts';

it('keeps the report and the plots of the reference results equal to what their samples make', () => {
  const there = new Map(
    readdirSync(REFERENCE_DIR).map((file) => [file, readFileSync(join(REFERENCE_DIR, file), 'utf8')]),
  );
  const document = JSON.parse(there.get('bench.json') ?? '');
  expect(document).toMatchObject({ type: 'io.godwit.v1.bench', complete: true });
  expect(there).toEqual(filesOf(document));
});
