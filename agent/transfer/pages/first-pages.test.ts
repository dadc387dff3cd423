import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type FirstPage,
  loadFirstPages,
  readFirstPages,
  removeFirstPages,
  writeFirstPages,
} from './first-pages.ts';
import { PageFiles } from './page-files.ts';
import { MemoryGone } from './task-memory.ts';
import { FakeDaemon } from './testing/fake-criu.ts';
import { PAGES, Scene } from './testing/scene.ts';
import { PAGE_BYTES } from './wire.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-first-pages-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Every page holds its number; page 13 is not there, and nothing of task 3 is. */
const memory = {
  read: async (pid: number, page: number, _pages: number, into: Buffer, offset: number) => {
    if (page === 13 || pid === 3) throw new MemoryGone('it is not there');
    into.fill(page, offset, offset + PAGE_BYTES);
  },
};
const WISHED: readonly FirstPage[] = [
  [2, 9],
  [1, 13],
  [1, 8],
  [3, 1],
  [1, 7],
];
const THERE: readonly FirstPage[] = [
  [2, 9],
  [1, 8],
  [1, 7],
];

it('carries what can be read, in the order of the wish', async () => {
  await writeFirstPages(dir, WISHED, memory);
  expect(readFirstPages(dir)).toEqual(THERE);
  const files = new PageFiles();
  const tables = loadFirstPages(dir, files);
  expect([...tables.keys()]).toEqual([1, 2]);
  const found = [...tables].flatMap(([pid, table]) =>
    Array.from({ length: table.length }, (_none, index) => {
      const content = Buffer.alloc(PAGE_BYTES);
      files.read(table.file(index), content, 0, PAGE_BYTES, table.at(index) * PAGE_BYTES);
      expect(content.equals(Buffer.alloc(PAGE_BYTES, table.page(index)))).toBe(true);
      return [pid, table.page(index), table.pages(index)];
    }),
  );
  expect(found).toEqual([
    [1, 7, 1],
    [1, 8, 1],
    [2, 9, 1],
  ]);
  files.close();
});

it('carries the list alone where nothing follows', async () => {
  await writeFirstPages(dir, WISHED);
  expect(readFirstPages(dir)).toEqual(WISHED);
  expect(loadFirstPages(dir, new PageFiles()).size).toBe(0);
  expect(readdirSync(dir)).toEqual(['first-pages.json']);
});

it('is not there in images of an agent that knows nothing', async () => {
  expect(readFirstPages(dir)).toEqual([]);
  expect(loadFirstPages(dir, new PageFiles()).size).toBe(0);
});

it('goes along whole or not at all', async () => {
  await writeFirstPages(dir, WISHED, memory);
  removeFirstPages(dir);
  expect(readdirSync(dir)).toEqual([]);
  removeFirstPages(dir);
});

it('refuses what does not fit together', async () => {
  await writeFirstPages(dir, WISHED, memory);
  writeFileSync(join(dir, 'first-pages.img'), Buffer.alloc(PAGE_BYTES));
  expect(() => loadFirstPages(dir, new PageFiles())).toThrow(
    expect.objectContaining({ code: 'TRANSFER_FAILED' }),
  );
  for (const list of ['[[1]]', '[[1,-1]]', '{', JSON.stringify(Array(1_025).fill([1, 1]))]) {
    writeFileSync(join(dir, 'first-pages.json'), list);
    expect(() => readFirstPages(dir)).toThrow(expect.objectContaining({ code: 'TRANSFER_FAILED' }));
  }
});

it('makes a page present that would have been fetched, and tells which are waited for', async () => {
  const scene = await Scene.open();
  try {
    const written = scene.simple([], true);
    const [first, other] = [0x7f00 + 3, 0x7f00 + 4];
    await writeFirstPages(written.final, [[11, first]], memory);
    const { dial, fakes } = scene.dialer(written);
    let told: unknown;
    const server = await scene.server({ upstream: dial, firstWaits: (pages) => (told = pages) });
    const report = await server.begin(written.final);
    expect(report).toMatchObject({ eagerPages: 1, remotePages: PAGES - 1 });
    const [name = ''] = readdirSync(written.final).filter((file) => /^pages-\d+\.img$/.test(file));
    expect(readFileSync(join(written.final, name)).equals(Buffer.alloc(PAGE_BYTES, first))).toBe(true);
    const daemon = new FakeDaemon(server.port, 32);
    daemon.ask(11, other, 1);
    expect(await daemon.answer()).toMatchObject({ page: other, pages: 1 });
    expect(await daemon.close()).toBe(0);
    expect(told).toEqual([[11, other]]);
    expect(fakes[0]?.sent).not.toContain(`11/${first}`);
  } finally {
    await scene.close();
  }
});
