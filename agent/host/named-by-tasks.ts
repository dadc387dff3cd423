import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether a task of this node works in a path that has this word in it: as its root, its working directory, or something mounted in its
 * mount namespace, of whatever container, from there or there. A task that cannot be looked at says nothing.
 */
export async function isNamedByTasks(word: string, proc = '/proc'): Promise<boolean> {
  for (const pid of (await readdir(proc)).filter((name) => /^\d+$/.test(name))) {
    const words = await Promise.all([
      readlink(join(proc, pid, 'root')).catch(() => ''),
      readlink(join(proc, pid, 'cwd')).catch(() => ''),
      readFile(join(proc, pid, 'mountinfo'), 'utf8').catch(() => ''),
    ]);
    if (words.some((text) => text.includes(word))) return true;
  }
  return false;
}
