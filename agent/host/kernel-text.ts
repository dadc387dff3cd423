import { readdirSync, readFileSync } from 'node:fs';

/**
 * Text of a file of /proc, /sys or a cgroup; throws what Node throws. Synchronous: the kernel makes these files up in microseconds, and through
 * Node's thread pool each costs five waits for another thread, ten times as much CPU time, and milliseconds on a busy machine.
 */
export function kernelText(file: string): string {
  return readFileSync(file, 'utf8');
}

/** What is in one of the kernel's directories, likewise; nothing where it cannot be read. */
export function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** The directories in one of the kernel's directories, likewise. */
export function kernelDirs(dir: string): string[] {
  const entries = readdirSync(dir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
