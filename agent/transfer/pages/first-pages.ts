import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LIMITS } from '../../../protocol/limits.ts';
import { readImage } from './images.ts';
import type { PageFiles } from './page-files.ts';
import { SegmentTable } from './segments.ts';
import { MemoryGone, type TaskMemory } from './task-memory.ts';
import { PAGE_BYTES } from './wire.ts';

/** A page, by its task's pid in the images. */
export type FirstPage = readonly [pid: number, page: number];
/** As they are told and listed. */
export const FirstPagesList = z.array(z.tuple([z.int().min(0), z.int().min(0)])).max(LIMITS.firstPages);

/** Beside criu's images, and none of its names: the pages, and what is in them, in the same order. */
const LIST = 'first-pages.json';
const CONTENT = 'first-pages.img';
const LIST_BYTES = 64 * LIMITS.firstPages;

/**
 * Puts pages beside the images that the tasks are known to touch first when they run again: with them the tasks need not
 * wait for each of these. Without memory the list alone. Pages that a task does not have are left out.
 */
export async function writeFirstPages(
  dir: string,
  pages: readonly FirstPage[],
  memory?: Pick<TaskMemory, 'read'>,
): Promise<void> {
  let listed = pages;
  if (memory) {
    const content = Buffer.allocUnsafe(pages.length * PAGE_BYTES);
    const there: FirstPage[] = [];
    for (const [pid, page] of pages) {
      if (await isRead(memory, pid, page, content, there.length * PAGE_BYTES)) there.push([pid, page]);
    }
    writeFileSync(join(dir, CONTENT), content.subarray(0, there.length * PAGE_BYTES), { mode: 0o600 });
    listed = there;
  }
  writeFileSync(join(dir, LIST), JSON.stringify(listed), { mode: 0o600 });
}

/** Nothing of them goes along: a list that is there in part would end the move. */
export function removeFirstPages(dir: string): void {
  for (const name of [LIST, CONTENT]) rmSync(join(dir, name), { force: true });
}

/** The list that came with the images; empty when none did. @throws GodwitError TRANSFER_FAILED */
export function readFirstPages(dir: string): readonly FirstPage[] {
  const path = join(dir, LIST);
  if (!isFile(path)) return [];
  return readImage(path, LIST_BYTES, (image) => FirstPagesList.parse(JSON.parse(image.toString('utf8'))));
}

/** The pages whose content came with the images, by pid. @throws GodwitError TRANSFER_FAILED */
export function loadFirstPages(dir: string, files: PageFiles): ReadonlyMap<number, SegmentTable> {
  const path = join(dir, CONTENT);
  const tables = new Map<number, SegmentTable>();
  if (!isFile(path)) return tables;
  const pages = readFirstPages(dir);
  const file = files.add(path, pages.length);
  const placed = pages.map(([pid, page], at) => ({ pid, page, at }));
  placed.sort((one, other) => one.pid - other.pid || one.page - other.page);
  for (const [index, { pid, page, at }] of placed.entries()) {
    const before = placed[index - 1];
    if (before?.pid === pid && before.page === page) continue;
    const table = tables.get(pid) ?? new SegmentTable();
    tables.set(pid, table);
    table.add(page, 1, file, at, false);
  }
  return tables;
}

async function isRead(
  memory: Pick<TaskMemory, 'read'>,
  pid: number,
  page: number,
  into: Buffer,
  offset: number,
): Promise<boolean> {
  try {
    await memory.read(pid, page, 1, into, offset);
    return true;
  } catch (error) {
    if (error instanceof MemoryGone) return false;
    throw error;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
