import { describe, expect, it } from 'vitest';
import { RemotePages } from './remote-pages.ts';
import { REMOTE, SegmentTable } from './segments.ts';

/** Pages at the source: runs of [first page, pages], one after the other in their numbering. */
function pagesOf(...runs: readonly (readonly [page: number, pages: number])[]): RemotePages {
  const table = new SegmentTable();
  let at = 0;
  for (const [page, pages] of runs) {
    table.add(page, pages, REMOTE, at, true);
    at += pages;
  }
  return new RemotePages(new Map([[1, table]]), at, { keep: false });
}

describe('what is asked for around a page', () => {
  it('ends where its block begins', () => {
    const pages = pagesOf([100, 200]);
    // Page 170 is in the block of 64 that begins at 128.
    expect(pages.claimBefore(70, 64)).toEqual({ index: 28, pages: 42 });
  });

  it('ends where its range begins', () => {
    const pages = pagesOf([0, 10], [130, 50]);
    expect(pages.claimBefore(20, 64)).toEqual({ index: 10, pages: 10 });
  });

  it('ends at what was asked for already', () => {
    const pages = pagesOf([128, 64]);
    pages.claim(0, 5);
    expect(pages.claimBefore(8, 64)).toEqual({ index: 5, pages: 3 });
    expect(pages.claimBefore(8, 64)).toEqual({ index: 8, pages: 0 });
  });
});

describe('small ranges', () => {
  it('are those that are short enough, until there are too many', () => {
    const pages = pagesOf([0, 4], [10, 100], [200, 6], [300, 3], [400, 1]);
    expect([...pages.smallRanges(10, 12)]).toEqual([
      { index: 0, pages: 4 },
      { index: 104, pages: 6 },
    ]);
    expect([...pages.smallRanges(10, 99)].map(({ pages: count }) => count)).toEqual([4, 6, 3, 1]);
  });
});
