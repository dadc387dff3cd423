import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isNamedByTasks } from './named-by-tasks.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'godwit-proc-'));
  for (const [pid, root, cwd, mounts] of [
    ['1', '/', '/', '21 1 8:1 / / rw - ext4 /dev/sda1 rw'],
    ['7', '/srv/a.replaced-one', '/', ''],
    ['8', '/', '/srv/a.replaced-two/var', ''],
    ['9', '/', '/', '70 69 8:1 /srv/a.replaced-three / rw - ext4 /dev/sda1 rw'],
  ] as const) {
    mkdirSync(join(proc, pid));
    symlinkSync(root, join(proc, pid, 'root'));
    symlinkSync(cwd, join(proc, pid, 'cwd'));
    writeFileSync(join(proc, pid, 'mountinfo'), mounts);
  }
  // A task whose links only its own user may read, and what is no task.
  mkdirSync(join(proc, '10'));
  mkdirSync(join(proc, 'sys.replaced-four'));
});
afterEach(() => rmSync(proc, { recursive: true }));

it.each([
  ['one', true],
  ['two', true],
  ['three', true],
  ['four', false],
])('finds %s where a task works or has something mounted', async (word, is) => {
  expect(await isNamedByTasks(word, proc)).toBe(is);
});
