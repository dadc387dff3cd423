import { closeSync, constants, type Dirent, openSync, writeSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { makeFifos, removeAll } from './fifo.ts';

/** The first image that `criu restore` and `criu lazy-pages` open. */
const FIRST = 'inventory.img';
/** criu's inventory has about a hundred bytes; what does not fit into a pipe at once is no inventory. */
const FIRST_BYTES = 4_096;
/** A restore that has its images already waits for nothing else. */
const POLL_MS = 3;

/**
 * An image directory for a criu that is started before its images exist. Starting criu (and the runtime around it) takes
 * longer than most of what it does while the container stands still; at the gate it waits with all that behind it.
 *
 * Each process needs a gate of its own. What waits there is ended by `close`, or by killing it.
 */
export interface Gate {
  /** The image directory to start criu with. */
  readonly dir: string;
  /** Resolves when criu waits at the gate. Rejects with the signal's reason. */
  reached(signal: AbortSignal): Promise<void>;
  /**
   * Links every image of `from` (on the same file system, complete) into the directory and lets criu go on, once it has
   * reached the gate. @throws GodwitError RESTORE_FAILED when `from` has no inventory
   */
  open(from: string, signal: AbortSignal): Promise<void>;
  /** Gives up: a criu that waits finds an empty inventory and fails. Safe to repeat, and after `open`. */
  close(): Promise<void>;
}

/** What is to be a FIFO in the directory of a gate; made by `makeGate` unless it is there. */
export const gateFifo = (dir: string): string => join(dir, FIRST);

/** Makes the directory with its gate shut. @throws GodwitError HOST_FAILED */
export async function makeGate(options: {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly dir: string;
}): Promise<Gate> {
  const { runner, clock, dir } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await makeFifos(runner, dir, [FIRST]);
  const gate = gateFifo(dir);
  let state: 'shut' | 'open' = 'shut';
  let fd: number | undefined;

  const reached = async (signal: AbortSignal) => {
    // The kernel tells nobody that a reader has come; a writer that does not wait for one is refused until then.
    while (fd === undefined) {
      fd = openForReader(gate);
      if (fd === undefined) await clock.sleep(POLL_MS, signal);
    }
  };
  const release = (bytes: Uint8Array) => {
    state = 'open';
    if (fd === undefined) return;
    writeSync(fd, bytes);
    closeSync(fd);
    fd = undefined;
  };
  return {
    dir,
    reached,
    async open(from, signal) {
      const inventory = await inventoryOf(from);
      const entries = (await readdir(from, { withFileTypes: true })).filter((entry) => entry.name !== FIRST);
      await Promise.all([reached(signal), ...entries.map((entry) => linkInto(dir, from, entry))]);
      // The name first: whatever opens the inventory from here on finds the real one.
      await link(join(from, FIRST), `${gate}.real`);
      await rename(`${gate}.real`, gate);
      release(inventory);
    },
    async close() {
      if (state === 'open') return;
      fd ??= openForReader(gate);
      await removeAll([gate]);
      release(new Uint8Array());
    },
  };
}

/**
 * Only a directory, that of the parent images, cannot have two names. The link to it is relative: criu follows it from
 * inside the container's own mount namespace.
 */
function linkInto(dir: string, from: string, entry: Dirent): Promise<void> {
  const [old, made] = [join(from, entry.name), join(dir, entry.name)];
  return entry.isDirectory() ? symlink(relative(dir, old), made) : link(old, made);
}

/** Undefined while nobody reads. */
function openForReader(fifo: string): number | undefined {
  try {
    return openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw error;
  }
}

async function inventoryOf(dir: string): Promise<Uint8Array> {
  const problem = (what: string) => new GodwitError('RESTORE_FAILED', { target: 'this node', problem: what });
  const bytes = await readFile(join(dir, FIRST)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw problem(`the images have no ${FIRST}`);
    throw error;
  });
  if (bytes.length > FIRST_BYTES) throw problem(`${FIRST} has ${bytes.length} bytes`);
  return bytes;
}
