import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Reads of /proc and cgroupfs, whose files never wait for a disk: synchronous, which is ten times cheaper than the
 * thread pool. What is gone meanwhile reads as empty. `root` is `/` except in tests.
 */
export interface Proc {
  text(path: string): string;
  link(path: string): string;
  names(path: string): string[];
  directories(path: string): string[];
  /** For files that may wait for a lock of the process (`maps`): through the thread pool, at most `maxBytes`. */
  textWaiting(path: string, maxBytes: number): Promise<string>;
  /** The path in the file system, for other calls. */
  path(path: string): string;
}

/** /proc and /sys below `root`. */
export function procAt(root: string): Proc {
  const path = (relative: string) => join(root, relative);
  const text = (relative: string) => orElse('', () => readFileSync(path(relative), 'utf8'));
  return {
    text,
    path,
    link: (relative) => orElse('', () => readlinkSync(path(relative))),
    names: (relative) => orElse([], () => readdirSync(path(relative))),
    directories: (relative) =>
      orElse([], () =>
        readdirSync(path(relative), { withFileTypes: true }).flatMap((entry) =>
          entry.isDirectory() ? [entry.name] : [],
        ),
      ),
    textWaiting: async (relative, maxBytes) => {
      const file = await open(path(relative)).catch(() => undefined);
      if (!file) return '';
      try {
        const chunks: Buffer[] = [];
        let left = maxBytes;
        while (left > 0) {
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(left, 65_536)));
          if (bytesRead === 0) break;
          chunks.push(buffer.subarray(0, bytesRead));
          left -= bytesRead;
        }
        return Buffer.concat(chunks).toString('utf8');
      } catch {
        return '';
      } finally {
        await file.close();
      }
    },
  };
}

/** A process can end between any two reads: its files are then gone, which is no error here. */
function orElse<Value>(otherwise: Value, read: () => Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** Fields of a `Key:\tvalue` file such as /proc/PID/status or fdinfo; the first of equal keys counts. */
export function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !fields.has(line.slice(0, colon)))
      fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}
