import { closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { transferFailed } from '../failure.ts';
import { PAGE_BYTES } from './wire.ts';

/** Files kept open: every round has one for each process. */
const OPEN_FILES = 128;

/**
 * The files with pages, by number, opened as they are needed. Reads and writes are synchronous: they copy between this
 * process and a tmpfs, at most 256 KiB at a time, which takes less than handing the work to another thread.
 */
export class PageFiles {
  private readonly paths: string[] = [];
  /** Descriptors, least recently used first. */
  private readonly open = new Map<number, number>();
  private closed = false;

  /** The number that the next file will have. */
  get count(): number {
    return this.paths.length;
  }

  /** Adds a file that has at least so many pages; returns its number. @throws GodwitError TRANSFER_FAILED */
  add(path: string, pages: number): number {
    const size = pages === 0 ? 0 : statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined || size < pages * PAGE_BYTES)
      throw transferFailed(`${path} has not the ${pages} pages that its pagemap names`);
    this.paths.push(path);
    return this.paths.length - 1;
  }

  /** Fills `bytes` bytes of `into` from a place of a file, in bytes. @throws GodwitError TRANSFER_FAILED */
  read(file: number, into: Buffer, offset: number, bytes: number, place: number): void {
    const descriptor = this.descriptor(file);
    for (let done = 0; done < bytes; ) {
      const count = readSync(descriptor, into, offset + done, bytes - done, place + done);
      if (count === 0) throw transferFailed(`${this.paths[file]} has become shorter`);
      done += count;
    }
  }

  close(): void {
    this.closed = true;
    for (const descriptor of this.open.values()) closeSync(descriptor);
    this.open.clear();
  }

  private descriptor(file: number): number {
    if (this.closed) throw transferFailed('the page server was closed');
    const open = this.open.get(file);
    if (open !== undefined) {
      this.open.delete(file);
      this.open.set(file, open);
      return open;
    }
    for (const [oldest, descriptor] of this.open) {
      if (this.open.size < OPEN_FILES) break;
      this.open.delete(oldest);
      closeSync(descriptor);
    }
    const descriptor = openSync(this.paths[file] as string, constants.O_RDONLY | constants.O_NOFOLLOW);
    this.open.set(file, descriptor);
    return descriptor;
  }
}
