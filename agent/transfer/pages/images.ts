import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GodwitError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { problemOf, transferFailed } from '../failure.ts';
import { decodePagemap, type Pagemap } from './pagemap.ts';

const TASK = /^pagemap-(\d{1,10})\.img$/;
const SHARED = /^pagemap-shmem-(\d{1,20})\.img$/;

/** The pagemaps in a directory of images. */
export interface PagemapNames {
  /** Of processes, by pid as in the images, ascending. */
  readonly tasks: readonly { readonly pid: number; readonly path: string }[];
  /** Of shared memory. */
  readonly shared: readonly { readonly name: string; readonly path: string }[];
}

/** @throws GodwitError TRANSFER_FAILED */
export function listPagemaps(dir: string): PagemapNames {
  const names = namesIn(dir);
  const tasks = names
    .flatMap((name) => {
      const pid = TASK.exec(name)?.[1];
      return pid === undefined ? [] : [{ pid: Number(pid), path: join(dir, name) }];
    })
    .sort((one, other) => one.pid - other.pid);
  const shared = names.filter((name) => SHARED.test(name)).map((name) => ({ name, path: join(dir, name) }));
  return { tasks, shared };
}

/** Reads one pagemap. @throws GodwitError TRANSFER_FAILED, with the file's name */
export function readPagemap(path: string): Pagemap {
  return readImage(path, LIMITS.pagemapBytes, decodePagemap);
}

/**
 * Reads and decodes one small image, synchronously like all that is done to images here: a container stands still meanwhile, and
 * from a tmpfs it takes less time than another thread needs to begin. @throws GodwitError TRANSFER_FAILED, with the file's name
 */
export function readImage<T>(path: string, maxBytes: number, decode: (image: Buffer) => T): T {
  try {
    const { size } = statSync(path);
    if (size > maxBytes) throw transferFailed(`${size} bytes are more than it may have`);
    return decode(readFileSync(path));
  } catch (error) {
    const cause = error instanceof GodwitError ? undefined : error;
    throw transferFailed(`${path}: ${problemOf(error)}`, undefined, cause);
  }
}

/** The pages file of a pagemap. */
export function pagesFile(dir: string, pagesId: number): string {
  return join(dir, `pages-${pagesId}.img`);
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    throw transferFailed(`${dir}: ${problemOf(error)}`, undefined, error);
  }
}
