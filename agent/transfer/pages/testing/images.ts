import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { mmImage } from '../mm-image.ts';
import { EntryTable, encodePagemap, type Pagemap } from '../pagemap.ts';
import { PAGE_BYTES, PAGE_FLAGS } from '../wire.ts';

/** Fixtures of the page server's tests: a process whose memory and images are made page by page. */

export type Entry = readonly [page: number, pages: number, flags: number];

const { parent, lazy, present } = PAGE_FLAGS;

export function pagemapOf(entries: readonly Entry[], pagesId = 1): Pagemap {
  const table = new EntryTable(0);
  for (const entry of entries) table.add(...entry);
  return { pagesId, entries: table };
}

export function entriesOf({ entries }: { readonly entries: EntryTable }): Entry[] {
  return Array.from({ length: entries.length }, (_none, index) => [
    entries.page(index),
    entries.pages(index),
    entries.flags(index),
  ]);
}

/** The content of one page of one process as one version of it: recognizable from its first bytes to its last. */
export function pageContent(pid: number, page: number, version: number): Buffer {
  const content = Buffer.alloc(PAGE_BYTES);
  for (let at = 0; at < PAGE_BYTES; at += 16) {
    content.writeUInt32LE(pid, at);
    content.writeUInt32LE(page % 2 ** 32, at + 4);
    content.writeUInt32LE(version, at + 8);
    content.writeUInt32LE(at, at + 12);
  }
  return content;
}

/** One page in one dump: not there, with its content, or left to the parent. */
export type PageFate = 'absent' | 'clean' | 'dirty' | 'dirtyEager';

/** A dump's fate for each page of a process. */
export interface Dump {
  readonly fates: readonly PageFate[];
  /** After which pages an entry ends although the next one is of the same kind. */
  readonly cuts: readonly boolean[];
}

/** What a page is at the end: absent, or its version (the dump that brought it, from 1) and whether it may be lazy. */
export type Truth = { readonly version: number; readonly lazy: boolean } | undefined;

/** Dumps of one process of `pages` pages: rounds, then the final one. */
export function arbitraryDumps(pages: number, rounds: number): fc.Arbitrary<readonly Dump[]> {
  const runs = fc.array(
    fc.tuple(
      fc.constantFrom<PageFate>('absent', 'clean', 'dirty', 'dirtyEager'),
      fc.integer({ min: 1, max: 9 }),
    ),
    { minLength: 1, maxLength: 12 },
  );
  const dump = fc.record({
    fates: runs.map((list) => {
      const fates = list.flatMap(([fate, length]) => Array<PageFate>(length).fill(fate));
      return Array.from({ length: pages }, (_none, index) => fates[index % fates.length] as PageFate);
    }),
    cuts: fc.array(fc.boolean(), { minLength: pages, maxLength: pages }),
  });
  return fc.array(dump, { minLength: rounds + 1, maxLength: rounds + 1 });
}

/** The naive model: what every page is after these dumps, page by page. Mends fates that cannot be (clean without a parent). */
export function truths(dumps: readonly Dump[]): {
  readonly dumps: readonly Dump[];
  readonly truth: readonly Truth[];
} {
  let truth: Truth[] = [];
  const mended = dumps.map((dump, number) => {
    const fates = dump.fates.map((fate, index): PageFate => {
      return fate === 'clean' && truth[index] === undefined ? 'dirty' : fate;
    });
    truth = fates.map((fate, index) => {
      if (fate === 'absent') return undefined;
      return fate === 'clean' ? truth[index] : { version: number + 1, lazy: fate === 'dirty' };
    });
    return { fates, cuts: dump.cuts };
  });
  return { dumps: mended, truth };
}

/** The entries that CRIU would write: `remote` as by a lazy final dump, without the content of what is lazy. */
export function dumpEntries({ fates, cuts }: Dump, base: number, remote = false): Entry[] {
  const entries: [number, number, number][] = [];
  const flags = { clean: parent, dirty: remote ? lazy : lazy | present, dirtyEager: present };
  fates.forEach((fate, index) => {
    if (fate === 'absent') return;
    const last = entries.at(-1);
    const goesOn = last && last[0] + last[1] === base + index && last[2] === flags[fate];
    if (goesOn && !cuts[index - 1]) last[1] += 1;
    else entries.push([base + index, 1, flags[fate]]);
  });
  return entries;
}

/** Writes one process of one dump into a directory, with pages files whose ids are the pids. */
export function writeDump(
  dir: string,
  pid: number,
  dump: Dump,
  options: { readonly base: number; readonly version: number; readonly remote?: boolean },
): void {
  const { base, version, remote = false } = options;
  mkdirSync(dir, { recursive: true });
  const entries = dumpEntries(dump, base, remote);
  writeFileSync(join(dir, `pagemap-${pid}.img`), encodePagemap(pagemapOf(entries, pid)));
  const content = entries.flatMap(([page, pages, flags]) =>
    (flags & present) === 0
      ? []
      : Array.from({ length: pages }, (_none, index) => pageContent(pid, page + index, version)),
  );
  writeFileSync(join(dir, `pages-${pid}.img`), Buffer.concat(content));
  const size = dump.fates.length;
  writeFileSync(join(dir, `mm-${pid}.img`), mmImage([[base, base + size, 0x22]]));
}
