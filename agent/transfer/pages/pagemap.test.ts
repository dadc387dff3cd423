import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GodwitError } from '../../../protocol/errors.ts';
import { decodeLazyAreas, splitAtAreas } from './lazy-areas.ts';
import { mmImage } from './mm-image.ts';
import { decodePagemap, encodePagemap } from './pagemap.ts';
import { type Entry, entriesOf, pagemapOf } from './testing/images.ts';

const entryLists: fc.Arbitrary<Entry[]> = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.integer({ min: 1, max: 7 }),
    ),
    { maxLength: 40 },
  )
  .map((list) => {
    let at = 0;
    return list.map(([gap, pages, flags]) => {
      const page = at + gap;
      at = page + pages;
      return [page, pages, flags] as const;
    });
  });

/** Throws anything but the one error that hostile images may cause. */
function orRefused(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(GodwitError);
    expect((error as GodwitError).code).toBe('TRANSFER_FAILED');
  }
}

function record(...bytes: number[]): Buffer {
  return Buffer.from([bytes.length, 0, 0, 0, ...bytes]);
}

const HEAD = encodePagemap(pagemapOf([], 7));

describe('pagemaps', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(entryLists, fc.nat(), (entries, pagesId) => {
        const image = encodePagemap(pagemapOf(entries, pagesId));
        const read = decodePagemap(image);
        expect(read.pagesId).toBe(pagesId);
        expect(entriesOf(read)).toEqual(entries);
      }),
    );
  });

  it('are written for both versions, up to the top of the address space', () => {
    const image = encodePagemap(pagemapOf([[2 ** 52 - 3, 3, 2]], 7));
    expect(image.subarray(HEAD.length).toString('hex')).toBe(
      '11000000' + '0880a0ffffffffffffff01' + '1003' + '2002' + '2803',
    );
    expect(entriesOf(decodePagemap(image))).toEqual([[2 ** 52 - 3, 3, 2]]);
  });

  it('of CRIU 4.1, of 4.2 and of old ones', () => {
    const image = Buffer.concat([
      HEAD,
      record(0x08, 0x80, 0x20, 0x10, 2, 0x20, 6),
      record(0x08, 0x80, 0x80, 0x01, 0x10, 0, 0x20, 1, 0x28, 3),
      record(0x08, 0x80, 0x80, 0x02, 0x10, 1),
      record(0x08, 0x80, 0x80, 0x03, 0x10, 1, 0x18, 1),
    ]);
    const read = decodePagemap(image);
    expect(read.pagesId).toBe(7);
    expect(entriesOf(read)).toEqual([
      [1, 2, 6],
      [4, 3, 1],
      [8, 1, 4],
      [12, 1, 1],
    ]);
  });

  it.each([
    ['no pages', record(0x08, 0x80, 0x20, 0x10, 0, 0x20, 6)],
    ['no address', record(0x10, 1, 0x20, 6)],
    ['an odd address', record(0x08, 0x81, 0x20, 0x10, 1, 0x20, 6)],
    ['unknown flags', record(0x08, 0x80, 0x20, 0x10, 1, 0x20, 8)],
    ['a number that never ends', record(0x08, ...Array<number>(11).fill(0x80))],
    ['a field cut off', record(0x08, 0x80)],
    ['bytes cut off', record(0x0a, 5, 1)],
    ['a group', record(0x0b)],
    ['beyond the address space', record(0x08, ...Array<number>(9).fill(0xff), 0x01, 0x10, 1)],
    ['a record cut off', Buffer.from([9, 0, 0, 0, 8])],
    ['half a length', Buffer.from([9, 0])],
    ['order', Buffer.concat([2, 1].map((page) => record(0x08, 0x80, page << 5, 0x10, 1)))],
    ['overlaps', Buffer.concat([1, 2].map((page) => record(0x08, 0x80, page << 5, 0x10, 2)))],
  ])('with %s wrong are refused', (_what, entries) => {
    expect(() => decodePagemap(Buffer.concat([HEAD, entries]))).toThrow(
      expect.objectContaining({ code: 'TRANSFER_FAILED' }),
    );
  });

  it('made of any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        orRefused(() => decodePagemap(Buffer.from(bytes)));
        orRefused(() => decodePagemap(Buffer.concat([HEAD, bytes])));
        orRefused(() => decodePagemap(Buffer.concat([HEAD, record(...bytes)])));
      }),
    );
  });

  it('with any bytes changed are read or refused', () => {
    fc.assert(
      fc.property(
        entryLists,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))),
        (entries, changes) => {
          const image = encodePagemap(pagemapOf(entries));
          for (const [at, value] of changes) image[at % image.length] = value;
          orRefused(() => decodePagemap(image));
        },
      ),
    );
  });
});

describe('areas that may be lazy', () => {
  it('are private, anonymous, and neither locked, huge nor the kernel’s', () => {
    const areas = decodeLazyAreas(
      mmImage([
        [10, 20, 0x22],
        [20, 30, 0x22],
        [30, 31, 0x2022],
        [31, 32, 0x40022],
        [32, 33, 0x02],
        [33, 34, 0x21],
        [34, 35, 0x22, 1 | (1 << 3)],
        [35, 36, 0x22, 1 | (1 << 12)],
        [36, 37, 0x122],
        [11, 12, 0x22, 1 << 16],
      ]),
    );
    expect([[...areas.starts], [...areas.ends]]).toEqual([
      [10, 36],
      [30, 37],
    ]);
    const pieces: [number, number, boolean][] = [];
    splitAtAreas(areas, 5, 100, (...piece) => pieces.push(piece));
    expect(pieces).toEqual([
      [5, 5, false],
      [10, 20, true],
      [30, 6, false],
      [36, 1, true],
      [37, 68, false],
    ]);
  });

  it('made of any bytes are read or refused', () => {
    const head = mmImage([]).subarray(0, 8);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        orRefused(() => decodeLazyAreas(Buffer.from(bytes)));
        orRefused(() => decodeLazyAreas(Buffer.concat([head, record(...bytes)])));
      }),
    );
    orRefused(() => decodeLazyAreas(mmImage([[5, 4, 0x22]])));
    orRefused(() =>
      decodeLazyAreas(
        mmImage([
          [5, 7, 0x22],
          [6, 8, 0x22],
        ]),
      ),
    );
  });
});
