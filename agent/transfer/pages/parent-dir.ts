import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { listPagemaps, type PagemapNames, pagesFile, readPagemap } from './images.ts';
import { EntryTable, encodePagemap } from './pagemap.ts';
import { PAGE_FLAGS } from './wire.ts';

/** CRIU counts its own from 1, page servers from 65537. */
const EMPTY_PAGES_ID = 2 ** 31 - 1;

/**
 * Gives every process a parent image without pages. A lazy restore turns transparent huge pages off only for a process
 * that has a parent; with them, one eager page could bring in 2 MiB of zeros over its lazy neighbours.
 */
export function writeEmptyParent(parent: string, pids: readonly number[]): void {
  const image = encodePagemap({ pagesId: EMPTY_PAGES_ID, entries: new EntryTable(0) });
  writeFileSync(pagesFile(parent, EMPTY_PAGES_ID), '');
  for (const pid of pids) writeFileSync(join(parent, `pagemap-${pid}.img`), image);
}

/**
 * Shared memory is never lazy, and what is clean of it is read from the rounds by CRIU itself: `parent`, its `parent` and
 * so on get links to what the rounds have of it, newest first. @throws GodwitError TRANSFER_FAILED
 */
export function linkSharedRounds(
  parent: string,
  final: PagemapNames['shared'],
  roundDirs: readonly string[],
): void {
  if (!anyClean(final)) return;
  let into = parent;
  for (const round of roundDirs.toReversed()) {
    for (const { name, path } of listPagemaps(round).shared) {
      const pages = pagesFile(round, readPagemap(path).pagesId);
      linkSync(path, join(into, name));
      linkSync(pages, join(into, basename(pages)));
    }
    into = join(into, 'parent');
    mkdirSync(into, { mode: 0o700 });
  }
}

function anyClean(final: PagemapNames['shared']): boolean {
  for (const { path } of final) {
    const { entries } = readPagemap(path);
    for (let index = 0; index < entries.length; index += 1)
      if (entries.flags(index) & PAGE_FLAGS.parent) return true;
  }
  return false;
}
