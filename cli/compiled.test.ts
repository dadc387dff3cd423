import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compiled, keepCompiled, writeAnew } from './compiled.ts';

const SOURCE = "(function () { return 'list'; })";
const EDITED = "(function () { return 'LIST'; })";
let dir: string;
let file: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'godwit-compiled-'));
  file = join(dir, 'start.cjs');
});

afterAll(() => rm(dir, { recursive: true }));

it('uses what V8 has made of the very same source, and of no other one of its length', async () => {
  writeAnew(file, SOURCE);
  const first = compiled(file);
  expect(first.cachedDataRejected).toBeUndefined();
  expect(first.runInThisContext()()).toBe('list');
  keepCompiled(file, SOURCE, first);

  const again = compiled(file);
  expect(again.cachedDataRejected).toBe(false);
  expect(again.runInThisContext()()).toBe('list');

  writeAnew(file, EDITED);
  expect(EDITED).toHaveLength(SOURCE.length);
  const edited = compiled(file);
  expect(edited.cachedDataRejected).toBeUndefined();
  expect(edited.runInThisContext()()).toBe('LIST');
});

it('does without what is no more than the beginning of it', async () => {
  writeAnew(file, SOURCE);
  keepCompiled(file, SOURCE, compiled(file));
  const whole = await readFile(`${file}.compiled`);
  for (const bytes of [0, 31, 32, whole.length - 1]) {
    await writeFile(`${file}.compiled`, whole.subarray(0, bytes));
    expect(compiled(file).runInThisContext()()).toBe('list');
  }
});
