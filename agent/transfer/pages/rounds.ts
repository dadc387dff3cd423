import { flattenRound } from './flatten.ts';
import { listPagemaps, pagesFile, readPagemap } from './images.ts';
import type { PageFiles } from './page-files.ts';
import type { SegmentTable } from './segments.ts';

/** What all rounds together have of each process that is in the last one. */
export type Rounds = ReadonlyMap<number, SegmentTable>;

/**
 * Reads the pagemaps of all rounds, oldest first. A process that is missing in one round has no parent in the next, as
 * for CRIU. @throws GodwitError TRANSFER_FAILED
 */
export function loadRounds(dirs: readonly string[], files: PageFiles): Rounds {
  let below: Rounds = new Map();
  for (const dir of dirs) {
    const flat = new Map<number, SegmentTable>();
    for (const { pid, path } of listPagemaps(dir).tasks) {
      const pagemap = readPagemap(path);
      const pages = pagesFile(dir, pagemap.pagesId);
      // The file's number is needed before its size is known: it is the next one.
      const { segments, ownPages } = flattenRound(pagemap, below.get(pid), files.count);
      files.add(pages, ownPages);
      flat.set(pid, segments);
    }
    below = flat;
  }
  return below;
}
