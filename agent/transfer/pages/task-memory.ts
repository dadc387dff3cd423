import { close, open, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { problemOf } from '../failure.ts';
import { PAGE_BYTES } from './wire.ts';

const [openFile, closeFile] = [promisify(open), promisify(close)];

/** So few are read at once: a task waits for them, and another thread would take longer to begin than this to end. */
const AT_ONCE_BYTES = 16 * PAGE_BYTES;

/** Thrown when a task's memory can never be read again. */
export class MemoryGone extends Error {
  override readonly name = 'MemoryGone';
}

/**
 * The memory of frozen tasks, read as a debugger reads it: swapped-out pages come back, protected ones can be read as
 * well. The files are opened once and name the memory, not the pid: a task that dies cannot be taken for another one.
 */
export class TaskMemory {
  /** By the pid in the images. */
  private readonly files: ReadonlyMap<number, number>;

  /** @param tasks pids on this node, by the pid in the images */
  static async open(tasks: ReadonlyMap<number, number>): Promise<TaskMemory> {
    const files = new Map<number, number>();
    try {
      for (const [id, pid] of tasks) files.set(id, await openFile(`/proc/${pid}/mem`, 'r'));
    } catch (error) {
      for (const file of files.values()) await closeFile(file);
      throw error;
    }
    return new TaskMemory(files);
  }

  private constructor(files: ReadonlyMap<number, number>) {
    this.files = files;
  }

  /** Fills `into` from `offset` on with pages of one task. @throws MemoryGone */
  async read(id: number, page: number, pages: number, into: Buffer, offset: number): Promise<void> {
    const file = this.files.get(id);
    if (file === undefined) throw new MemoryGone(`no task ${id} is here`);
    const bytes = pages * PAGE_BYTES;
    const from = BigInt(page) * BigInt(PAGE_BYTES);
    for (let done = 0; done < bytes; ) {
      const count = await readAt(file, into, offset + done, bytes - done, from + BigInt(done)).catch(
        (error: unknown) => {
          throw new MemoryGone(`page ${page.toString(16)} of task ${id}: ${problemOf(error)}`);
        },
      );
      // The file of a task that has died is empty.
      if (count === 0) throw new MemoryGone(`task ${id} has died`);
      done += count;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.files.values()].map((file) => closeFile(file)));
  }
}

/** An address may be beyond what a number holds exactly. */
async function readAt(
  file: number,
  into: Buffer,
  offset: number,
  bytes: number,
  from: bigint,
): Promise<number> {
  if (bytes <= AT_ONCE_BYTES) return readSync(file, into, offset, bytes, from);
  return new Promise((resolve, reject) => {
    read(file, into, offset, bytes, from, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}
