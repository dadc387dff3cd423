import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Runner } from '../effects/runner.ts';

const MKFIFO_MS = 5_000;
/** Longest line that a hook writes, with room. */
const LINE_CHARS = 4_096;

/** The writing end of a FIFO, held open for reading too: it never blocks, never breaks and keeps what was written. */
export interface Fifo {
  write(text: string): void;
  close(): void;
}

/** Makes those FIFOs of `dir` that are not there yet. @throws GodwitError HOST_FAILED */
export async function makeFifos(runner: Runner, dir: string, names: readonly string[]): Promise<void> {
  const missing = names.map((name) => join(dir, name)).filter((path) => !isFifo(path));
  if (missing.length === 0) return;
  await removeAll(missing);
  const made = await runner.run({
    file: 'mkfifo',
    args: ['-m', '600', '--', ...missing],
    deadlineMs: MKFIFO_MS,
  });
  if (made.exitCode !== 0) {
    throw new GodwitError('HOST_FAILED', {
      action: 'mkfifo',
      problem: made.stderr.trim() || `exit code ${made.exitCode}`,
    });
  }
}

export function openFifo(path: string): Fifo {
  const fd = openBoth(path);
  return { write: (text) => void writeSync(fd, text), close: () => closeSync(fd) };
}

/**
 * Calls `onLine` for every line written into the FIFO. The event loop waits for it, no thread does; being open for writing
 * as well, it never comes to an end.
 */
export function readLines(path: string, onLine: (line: string) => void): { close(): Promise<void> } {
  const socket = new Socket({ fd: openBoth(path), readable: true, writable: false });
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = (lines.pop() ?? '').slice(-LINE_CHARS);
    for (const line of lines) onLine(line);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve());
        socket.destroy();
      }),
  };
}

/** Removes files that may be missing. */
export async function removeAll(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

function openBoth(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

function isFifo(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false;
}
