import { writeVarint } from '../../criu/protobuf.ts';
import { MAGIC } from './pagemap.ts';
import { PAGE_BYTES } from './wire.ts';

/** An `mm-<pid>.img` with areas of pages, as far as decodeLazyAreas reads it; the flags are mmap's: 0x22 is private anonymous. */
export function mmImage(
  areas: readonly (readonly [start: number, end: number, flags: number, status?: number])[],
): Buffer {
  const vmas = areas.map(([start, end, flags, status = 1]) => {
    const vma = Buffer.alloc(64);
    let at = 0;
    for (const [field, value] of [
      [1, start * PAGE_BYTES],
      [2, end * PAGE_BYTES],
      [6, flags],
      [7, status],
    ] as const) {
      vma[at] = field << 3;
      at = writeVarint(vma, value, at + 1);
    }
    const head = Buffer.alloc(8);
    head[0] = (14 << 3) | 2;
    return Buffer.concat([head.subarray(0, writeVarint(head, at, 1)), vma.subarray(0, at)]);
  });
  const mm = Buffer.concat(vmas);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(MAGIC.image, 0);
  head.writeUInt32LE(MAGIC.mm, 4);
  head.writeUInt32LE(mm.length, 8);
  return Buffer.concat([head, mm]);
}
