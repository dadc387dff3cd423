import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupPaths } from '../../runtime/runtime.ts';

/**
 * Text of a file of /proc, /sys or a cgroup; empty when it is not there. Synchronous: the kernel makes these files up in
 * microseconds, and through Node's thread pool each would cost ten times as much CPU time.
 */
export function kernelText(...path: readonly string[]): string {
  try {
    return readFileSync(join(...path), 'utf8');
  } catch {
    return '';
  }
}

/** The number behind `name` in lines of `name number`; 0 when it is not there. */
export function fieldOf(text: string, name: string): number {
  const line = text.startsWith(`${name} `) ? text : text.slice(text.indexOf(`\n${name} `) + 1);
  return line.startsWith(`${name} `) ? Number.parseInt(line.slice(name.length + 1), 10) || 0 : 0;
}

/** Reads a file of one controller; v2 has them all in one directory. */
export function cgroupText({ version, dirs }: CgroupPaths, controller: string, file: string): string {
  const dir = version === 'v2' ? dirs.unified : dirs[controller];
  return dir === undefined ? '' : kernelText(dir, file);
}
