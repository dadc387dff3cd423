import { transferFailed } from '../failure.ts';
import { type LazyAreas, splitAtAreas } from './lazy-areas.ts';
import { EntryTable, type Pagemap } from './pagemap.ts';
import { REMOTE, SegmentTable, type Visit } from './segments.ts';
import { PAGE_FLAGS } from './wire.ts';

/** What the memory of one process is made of after the final dump. */
export interface Layout {
  /** The new pagemap's entries: lazy without content, or present in the order of `eager`. */
  readonly entries: EntryTable;
  /** What the new pages file holds. */
  readonly eager: SegmentTable;
  /** What is handed out on request. */
  readonly lazy: SegmentTable;
  /** Pages with content in the final dump's own pages file. */
  readonly ownPages: number;
  /** Pages that are still at the source. */
  readonly remotePages: number;
}

/**
 * One round over what was below it: its own pages, and in place of each page "in the parent" what the parent has there.
 * `file` names the round's pages file. @throws GodwitError TRANSFER_FAILED when they do not fit together
 */
export function flattenRound(
  { entries }: Pagemap,
  below: SegmentTable | undefined,
  file: number,
): { readonly segments: SegmentTable; readonly ownPages: number } {
  const segments = new SegmentTable();
  const parent = new Walk(below);
  let ownPages = 0;
  for (let index = 0; index < entries.length; index += 1) {
    const [page, pages, flags] = [entries.page(index), entries.pages(index), entries.flags(index)];
    if (flags & PAGE_FLAGS.parent) parent.take(page, pages, segments.add);
    else if (flags & PAGE_FLAGS.present) {
      segments.add(page, pages, file, ownPages, (flags & PAGE_FLAGS.lazy) !== 0);
      ownPages += pages;
    } else throw transferFailed('a round whose pages were never sent');
  }
  return { segments, ownPages };
}

/**
 * The final dump over the rounds. Dirty pages stay as lazy as CRIU made them; a clean one is lazy if it was in its round
 * and still lies in memory that can be. `firstRemote` numbers the pages at the source across processes; of these the ones
 * in `first` are here already, and not lazy.
 * @throws GodwitError TRANSFER_FAILED when they do not fit together
 */
export function flattenFinal(
  { entries: final }: Pagemap,
  rounds: SegmentTable | undefined,
  areas: LazyAreas,
  place: {
    readonly ownFile: number;
    readonly firstRemote: number;
    readonly first?: SegmentTable | undefined;
  },
): Layout {
  const entries = new EntryTable(Math.ceil(final.length / 2));
  const eager = new SegmentTable();
  const lazy = new SegmentTable();
  const parent = new Walk(rounds);
  const here = new Walk(place.first);
  let ownPages = 0;
  let remotePages = 0;
  const put: Visit = (page, pages, file, at, isLazy) => {
    (isLazy ? lazy : eager).add(page, pages, file, at, isLazy);
    entries.add(page, pages, isLazy ? PAGE_FLAGS.lazy : PAGE_FLAGS.present);
  };
  const putClean: Visit = (page, pages, file, at, wasLazy) => {
    splitAtAreas(areas, page, pages, (start, count, inside) =>
      put(start, count, file, at + (start - page), wasLazy && inside),
    );
  };
  for (let index = 0; index < final.length; index += 1) {
    const [page, pages, flags] = [final.page(index), final.pages(index), final.flags(index)];
    if (flags & PAGE_FLAGS.parent) parent.take(page, pages, putClean);
    else if (flags & PAGE_FLAGS.present) {
      put(page, pages, place.ownFile, ownPages, (flags & PAGE_FLAGS.lazy) !== 0);
      ownPages += pages;
    } else {
      here.split(page, pages, put, (start, count) => {
        put(start, count, REMOTE, place.firstRemote + remotePages, true);
        remotePages += count;
      });
    }
  }
  return { entries, eager, lazy, ownPages, remotePages };
}

/** One walk through a table: all runs together, in ascending order, cost no more. */
class Walk {
  private readonly table: SegmentTable;
  private index = 0;

  constructor(table = new SegmentTable()) {
    this.table = table;
  }

  /** Takes a run out of the table. @throws GodwitError TRANSFER_FAILED when it does not have all of it */
  take(page: number, pages: number, visit: Visit): void {
    this.split(page, pages, visit, (missing) => {
      throw transferFailed(`page ${missing.toString(16)} is in no round`);
    });
  }

  /** Splits a run into what the table has and what it has not. */
  split(page: number, pages: number, visit: Visit, lacks: (page: number, pages: number) => void): void {
    const { table } = this;
    const end = page + pages;
    for (let at = page; at < end; ) {
      while (this.index < table.length && table.end(this.index) <= at) this.index += 1;
      const { index } = this;
      const start = index < table.length ? Math.min(table.page(index), end) : end;
      if (start > at) {
        lacks(at, start - at);
        at = start;
        continue;
      }
      const count = Math.min(end, table.end(index)) - at;
      visit(at, count, table.file(index), table.at(index) + (at - table.page(index)), table.lazy(index));
      at += count;
    }
  }
}
