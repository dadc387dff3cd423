import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '../../../protocol/limits.ts';
import { transferFailed } from '../failure.ts';
import { loadFirstPages } from './first-pages.ts';
import { flattenFinal } from './flatten.ts';
import { listPagemaps, type PagemapNames, pagesFile, readImage, readPagemap } from './images.ts';
import { decodeLazyAreas } from './lazy-areas.ts';
import type { PageFiles } from './page-files.ts';
import type { PageServerReport } from './page-server.ts';
import { encodePagemap } from './pagemap.ts';
import { linkSharedRounds, writeEmptyParent } from './parent-dir.ts';
import type { Rounds } from './rounds.ts';
import type { SegmentTable } from './segments.ts';
import { PAGE_BYTES } from './wire.ts';

/** Of one copy of eager pages. */
const COPY_PAGES = 256;

/** The final images, ready for a lazy restore. */
export interface FinalImages {
  /** What may be asked for, by pid. */
  readonly tasks: ReadonlyMap<number, SegmentTable>;
  readonly report: PageServerReport;
}

export interface FinalImagesOptions {
  readonly dir: string;
  /** The rounds' directories, oldest first, and what they have. */
  readonly roundDirs: readonly string[];
  readonly rounds: Rounds;
  readonly files: PageFiles;
}

/**
 * Rewrites the final images in place: every page that may be lazy is lazy and without content, the others, and those
 * that came beside the images (first-pages.ts), are in the pages files. `parent` becomes a directory of ours (see
 * parent-dir.ts), which also takes the final dump's own pages.
 * @throws GodwitError TRANSFER_FAILED
 */
export function rewriteFinalImages(options: FinalImagesOptions): FinalImages {
  const { dir, roundDirs } = options;
  const parent = join(dir, 'parent');
  const names = listPagemaps(dir);
  rmSync(parent, { recursive: true, force: true });
  mkdirSync(parent, { mode: 0o700 });
  const rewritten = rewriteTasks(options, names.tasks, parent);
  writeEmptyParent(parent, [...rewritten.tasks.keys()]);
  linkSharedRounds(parent, names.shared, roundDirs);
  return rewritten;
}

function rewriteTasks(
  { dir, rounds, files }: FinalImagesOptions,
  names: PagemapNames['tasks'],
  parent: string,
): FinalImages {
  const tasks = new Map<number, SegmentTable>();
  const first = loadFirstPages(dir, files);
  const seen = new Set<number>();
  const sum = { entriesBefore: 0, entriesAfter: 0, eagerPages: 0, localPages: 0, remotePages: 0 };
  for (const { pid, path } of names) {
    const pagemap = readPagemap(path);
    const { pagesId } = pagemap;
    if (seen.has(pagesId)) throw transferFailed(`${path}: another process has the same pages`);
    seen.add(pagesId);
    const areas = readImage(join(dir, `mm-${pid}.img`), LIMITS.memoryMapBytes, decodeLazyAreas);
    const place = { ownFile: files.count, firstRemote: sum.remotePages, first: first.get(pid) };
    const layout = flattenFinal(pagemap, rounds.get(pid), areas, place);
    const own = join(parent, `own-${pagesId}.img`);
    if (layout.ownPages > 0) renameSync(pagesFile(dir, pagesId), own);
    files.add(own, layout.ownPages);
    const eagerPages = writePages(pagesFile(dir, pagesId), layout.eager, files);
    writeFileSync(path, encodePagemap({ pagesId, entries: layout.entries }));
    tasks.set(pid, layout.lazy);
    sum.entriesBefore += pagemap.entries.length;
    sum.entriesAfter += layout.entries.length;
    sum.eagerPages += eagerPages;
    sum.remotePages += layout.remotePages;
    sum.localPages += countPages(layout.lazy) - layout.remotePages;
  }
  return { tasks, report: { processes: tasks.size, ...sum } };
}

/** Writes a new pages file with these pages in order; returns how many. */
function writePages(path: string, pages: SegmentTable, files: PageFiles): number {
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', 0o600);
  const buffer = Buffer.allocUnsafe(Math.min(countPages(pages), COPY_PAGES) * PAGE_BYTES);
  let filled = 0;
  const flush = (): void => {
    for (let done = 0; done < filled; ) done += writeSync(file, buffer, done, filled - done);
    filled = 0;
  };
  try {
    for (let index = 0; index < pages.length; index += 1) {
      let left = pages.pages(index) * PAGE_BYTES;
      for (let place = pages.at(index) * PAGE_BYTES; left > 0; ) {
        const bytes = Math.min(left, buffer.length - filled);
        files.read(pages.file(index), buffer, filled, bytes, place);
        filled += bytes;
        place += bytes;
        left -= bytes;
        if (filled === buffer.length) flush();
      }
    }
    if (filled > 0) flush();
  } finally {
    closeSync(file);
  }
  return countPages(pages);
}

function countPages(pages: SegmentTable): number {
  let sum = 0;
  for (let index = 0; index < pages.length; index += 1) sum += pages.pages(index);
  return sum;
}
