import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePagemap, EntryTable, encodePagemap } from '../../../agent/transfer/pages/pagemap.ts';

const PAGE_BYTES = 4096;
const FLAG = { parent: 1, lazy: 2, present: 4 };

/** One page of an image: its flags, and its content where the image has it. */
interface ImagePage {
  readonly page: number;
  readonly flags: number;
  readonly content: Buffer | undefined;
}

/**
 * Makes a final dump what it would have been on a kernel that tracks dirty memory, which the one below the lab may not: pages
 * that did not change since the round become "in the parent". Lazy pages, whose content the images do not have, did not
 * change if `isClean` says so; all others if they are the same. Returns the names of the images that now have such pages.
 */
export function markClean(
  final: string,
  round: string,
  isClean: (pid: number, page: number) => boolean,
): string[] {
  return readdirSync(final)
    .filter((name) => /^pagemap-(shmem-)?\d+\.img$/.test(name))
    .filter((name) => markOne(final, round, name, (page) => isClean(Number(/\d+/.exec(name)?.[0]), page)));
}

function markOne(final: string, round: string, name: string, isClean: (page: number) => boolean): boolean {
  const before = new Map(pagesOf(round, name).map((page) => [page.page, page.content]));
  const { pagesId } = decodePagemap(readFileSync(join(final, name)));
  const entries = new EntryTable(0);
  const left: Buffer[] = [];
  let clean = 0;
  for (const { page, flags, content } of pagesOf(final, name)) {
    const old = before.get(page);
    const unchanged = old && (content ? old.equals(content) : isClean(page));
    if (unchanged) clean += 1;
    else if (content) left.push(content);
    entries.add(page, 1, unchanged ? FLAG.parent : flags);
  }
  writeFileSync(join(final, name), encodePagemap({ pagesId, entries }));
  writeFileSync(join(final, `pages-${pagesId}.img`), Buffer.concat(left));
  return clean > 0;
}

function pagesOf(dir: string, name: string): ImagePage[] {
  const { pagesId, entries } = decodePagemap(readFileSync(join(dir, name)));
  const file = readFileSync(join(dir, `pages-${pagesId}.img`));
  const pages: ImagePage[] = [];
  let at = 0;
  for (let index = 0; index < entries.length; index += 1) {
    const flags = entries.flags(index);
    for (let number = 0; number < entries.pages(index); number += 1) {
      const content = flags & FLAG.present ? file.subarray(at, at + PAGE_BYTES) : undefined;
      at += content?.length ?? 0;
      pages.push({ page: entries.page(index) + number, flags, content });
    }
  }
  return pages;
}
