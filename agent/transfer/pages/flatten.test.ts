import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flattenFinal, flattenRound } from './flatten.ts';
import { decodeLazyAreas, type LazyAreas } from './lazy-areas.ts';
import { mmImage } from './mm-image.ts';
import { EntryTable } from './pagemap.ts';
import { REMOTE, SegmentTable } from './segments.ts';
import { arbitraryDumps, dumpEntries, entriesOf, pagemapOf, type Truth, truths } from './testing/images.ts';

const PAGES = 60;
const BASE = 0x7f00;
const EVERYWHERE = decodeLazyAreas(mmImage([[BASE, BASE + PAGES, 0x22]]));
const OWN = 99;
const FIRST = 98;

/** Page by page: where a table has its content, as file and place. */
function places(table: SegmentTable): Map<number, { file: number; at: number }> {
  const found = new Map<number, { file: number; at: number }>();
  for (let index = 0; index < table.length; index += 1) {
    for (let page = 0; page < table.pages(index); page += 1) {
      const number = table.page(index) + page;
      expect(found.has(number)).toBe(false);
      found.set(number, { file: table.file(index), at: table.at(index) + page });
    }
  }
  return found;
}

/** Page by page: at which place of the pages file of a dump each page is that has content there. */
function contents(entries: ReturnType<typeof dumpEntries>): Map<number, number> {
  const found = new Map<number, number>();
  for (const [page, pages, flags] of entries)
    if (flags & 4) for (let index = 0; index < pages; index += 1) found.set(page + index, found.size);
  return found;
}

/** @param first pages, by their offset, that came beside the images */
function flatten(
  dumps: ReturnType<typeof truths>['dumps'],
  { areas, remote, first }: { areas: LazyAreas; remote: boolean; first: readonly number[] },
) {
  let below: SegmentTable | undefined;
  const stored = dumps.map((dump, number) => {
    const last = number === dumps.length - 1;
    const entries = dumpEntries(dump, BASE, last && remote);
    if (!last) below = flattenRound(pagemapOf(entries), below, number).segments;
    return { entries, inFile: contents(entries) };
  });
  const final = stored.at(-1)!;
  const here = new SegmentTable();
  for (const offset of first) here.add(BASE + offset, 1, FIRST, offset, false);
  const place = { ownFile: OWN, firstRemote: 1_000, first: here };
  const layout = flattenFinal(pagemapOf(final.entries), below, areas, place);
  return { layout, stored };
}

/** The files as they are named in tables: rounds by their number, the final dump's own. */
function fileOf(version: number, dumps: number): number {
  return version === dumps ? OWN : version - 1;
}

describe('flattening', () => {
  it('finds every page where a naive model, page by page, has it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }).chain((rounds) => arbitraryDumps(PAGES, rounds)),
        fc.boolean(),
        fc.tuple(fc.integer({ min: 0, max: PAGES }), fc.integer({ min: 0, max: PAGES })),
        fc.uniqueArray(fc.nat({ max: PAGES - 1 })).map((pages) => pages.sort((one, other) => one - other)),
        (arbitrary, remote, locked, first) => {
          const [from, to] = [Math.min(...locked), Math.max(...locked)];
          const areas = decodeLazyAreas(
            mmImage([
              ...(from > 0 ? [[BASE, BASE + from, 0x22] as const] : []),
              ...(to > from ? [[BASE + from, BASE + to, 0x2022] as const] : []),
              ...(PAGES > to ? [[BASE + to, BASE + PAGES, 0x22] as const] : []),
            ]),
          );
          const { dumps, truth } = truths(arbitrary);
          const { layout, stored } = flatten(dumps, { areas, remote, first });
          const eager = places(layout.eager);
          const lazy = places(layout.lazy);
          let remotes = 0;
          truth.forEach((page: Truth, index) => {
            const number = BASE + index;
            const isClean = page !== undefined && page.version < dumps.length;
            const isHere = remote && !isClean && page?.lazy && first.includes(index);
            const mayBeLazy = !isHere && page?.lazy && (!isClean || index < from || index >= to);
            const found = mayBeLazy ? lazy.get(number) : eager.get(number);
            expect((mayBeLazy ? eager : lazy).has(number)).toBe(false);
            if (page === undefined) expect(found).toBeUndefined();
            else if (isHere) expect(found).toEqual({ file: FIRST, at: index });
            else if (remote && !isClean && page.lazy) {
              expect(found).toEqual({ file: REMOTE, at: 1_000 + remotes });
              remotes += 1;
            } else {
              expect(found).toEqual({
                file: fileOf(page.version, dumps.length),
                at: stored[page.version - 1]!.inFile.get(number),
              });
            }
          });
          expect(layout.remotePages).toBe(remotes);
          // The new pagemap says the same, and adjacent entries of one kind are one.
          const entries = entriesOf(layout);
          const flags = new Map(
            entries.flatMap(([page, pages, mark]) =>
              Array.from({ length: pages }, (_none, index) => [page + index, mark] as const),
            ),
          );
          expect(flags.size).toBe(eager.size + lazy.size);
          for (const page of eager.keys()) expect(flags.get(page)).toBe(4);
          for (const page of lazy.keys()) expect(flags.get(page)).toBe(2);
          entries.slice(1).forEach(([page, , mark], index) => {
            const [before, pages, other] = entries[index]!;
            expect(before + pages === page && mark === other).toBe(false);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses a clean page that no round has', () => {
    const below = flattenRound(pagemapOf([[BASE, 2, 6]]), undefined, 0).segments;
    for (const [rounds, entry] of [
      [undefined, [BASE, 1, 1]],
      [below, [BASE + 1, 2, 1]],
      [below, [BASE - 1, 2, 1]],
    ] as const) {
      const place = { ownFile: OWN, firstRemote: 0 };
      expect(() => flattenFinal(pagemapOf([entry]), rounds, EVERYWHERE, place)).toThrow(/is in no round/);
    }
    expect(() => flattenRound(pagemapOf([[BASE, 1, 2]]), undefined, 0)).toThrow(/never sent/);
  });

  it('joins what continues in every respect, also across rounds', () => {
    const first = flattenRound(pagemapOf([[BASE, 8, 6]]), undefined, 0).segments;
    const split = pagemapOf([
      [BASE, 3, 1],
      [BASE + 4, 4, 1],
    ]);
    split.entries.add(BASE + 8, 1, 6);
    const { segments } = flattenRound(split, first, 1);
    expect(segments.length).toBe(3);
    expect([segments.find(BASE + 3), segments.find(BASE + 7), segments.find(BASE + 9)]).toEqual([-1, 1, -1]);
  });

  it('takes an empty table as it comes', () => {
    expect(flattenRound({ pagesId: 1, entries: new EntryTable(0) }, undefined, 0).segments.length).toBe(0);
  });
});
