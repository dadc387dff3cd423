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
  const parent = new Parent(below);
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
  const parent = new Parent(rounds);
  const here = new Here(place.first);
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
      here.split(page, pages, (start, count, file, at) => {
        if (file !== REMOTE) return put(start, count, file, at, false);
        put(start, count, REMOTE, place.firstRemote + remotePages, true);
        remotePages += count;
      });
    }
  }
  return { entries, eager, lazy, ownPages, remotePages };
}

/** Takes runs out of a table, in ascending order, so that all of them together cost one walk through it. */
class Parent {
  private readonly table: SegmentTable | undefined;
  private index = 0;

  constructor(table: SegmentTable | undefined) {
    this.table = table;
  }

  take(page: number, pages: number, visit: Visit): void {
    const { table } = this;
    const end = page + pages;
    for (let at = page; at < end; ) {
      while (table && this.index < table.length && table.end(this.index) <= at) this.index += 1;
      if (!table || this.index >= table.length || table.page(this.index) > at)
        throw transferFailed(`page ${at.toString(16)} is in no round`);
      const { index } = this;
      const count = Math.min(end, table.end(index)) - at;
      visit(at, count, table.file(index), table.at(index) + (at - table.page(index)), table.lazy(index));
      at += count;
    }
  }
}

/** Splits runs, in ascending order, at the pages that a table has. */
class Here {
  private readonly table: SegmentTable;
  private index = 0;

  constructor(table = new SegmentTable()) {
    this.table = table;
  }

  /** @param visit told of each piece where it is: `file` is REMOTE, and `at` nothing, where the table does not have it */
  split(
    page: number,
    pages: number,
    visit: (page: number, pages: number, file: number, at: number) => void,
  ): void {
    const { table } = this;
    const end = page + pages;
    for (let at = page; at < end; ) {
      while (this.index < table.length && table.end(this.index) <= at) this.index += 1;
      const start = this.index < table.length ? Math.max(table.page(this.index), at) : end;
      const stop = start > at ? Math.min(start, end) : Math.min(table.end(this.index), end);
      if (start > at) visit(at, stop - at, REMOTE, 0);
      else visit(at, stop - at, table.file(this.index), table.at(this.index) + (at - table.page(this.index)));
      at = stop;
    }
  }
}
