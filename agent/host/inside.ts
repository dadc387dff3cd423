import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readlink, rmdir } from 'node:fs/promises';
import { hasCode } from './failure.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/**
 * A directory below a root that somebody else writes, each part of the way opened from the one before and no link
 * followed: whatever the container's owner puts there, nothing outside of the root is reached. `make` makes what is missing.
 * Undefined: a part is not there. @throws the kernel's error, also for a link on the way (ELOOP, ENOTDIR)
 */
export async function openInside(
  root: string,
  parts: readonly string[],
  { make = false }: { readonly make?: boolean } = {},
): Promise<FileHandle | undefined> {
  let handle = await open(root, DIRECTORY);
  for (const part of parts) {
    const path = entryOf(handle, part);
    try {
      if (make) await mkdir(path, { mode: 0o755 }).catch(ignore('EEXIST'));
      const next = await open(path, DIRECTORY | constants.O_NOFOLLOW);
      await handle.close();
      handle = next;
    } catch (error) {
      await handle.close();
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }
  return handle;
}

/** A path that leads to an entry of exactly this directory, wherever that has been moved meanwhile. */
export function entryOf(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

/** A plain file's text or a link's target; undefined when there is none. At most `limitBytes` of a file. */
export async function readEntry(
  directory: FileHandle,
  name: string,
  limitBytes: number,
): Promise<{ readonly text: string } | { readonly link: string } | undefined> {
  const path = entryOf(directory, name);
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(limitBytes), 0, limitBytes, 0);
      return { text: buffer.subarray(0, bytesRead).toString('utf8') };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (hasCode(error, 'ELOOP')) return { link: await readlink(path) };
    throw error;
  }
}

/** Removes a directory below the root when nothing is in it. */
export async function removeEmptyInside(root: string, parts: readonly string[]): Promise<void> {
  const above = await openInside(root, parts.slice(0, -1));
  if (!above) return;
  try {
    await rmdir(entryOf(above, parts.at(-1) ?? '')).catch(ignore('ENOENT', 'ENOTEMPTY', 'ENOTDIR'));
  } finally {
    await above.close();
  }
}

function ignore(...codes: readonly string[]) {
  return (error: unknown): undefined => {
    if (!hasCode(error, ...codes)) throw error;
  };
}
