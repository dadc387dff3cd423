import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { type Cgroup2Mount, cgroup2Mount, keepCgroupOptions } from '../../agent/host/cgroup-options.ts';

// In the layer whose files run one after the other: the options are the machine's, and every agent puts back what is gone.

/** One that changes nothing for anybody on this machine. */
const OPTION = 'memory_recursiveprot';
const runner = createRunner();
const look = (): Cgroup2Mount | undefined => cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
const put = ({ mountPoint, options }: Cgroup2Mount) =>
  execFileSync('mount', ['-o', ['remount', ...options].join(','), mountPoint]);

let dir: string;
let before: Cgroup2Mount | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-options-'));
  before = look();
});

afterEach(() => {
  if (before) {
    strip();
    put(before);
  }
  rmSync(dir, { recursive: true });
});

/** As criu does: a mount of its own, without any option. */
function strip(): void {
  const own = join(dir, 'own');
  mkdirSync(own, { recursive: true });
  execFileSync('mount', ['-t', 'cgroup2', 'none', own]);
  execFileSync('umount', [own]);
}

it('puts the options back that a criu took from the hierarchy, or says that it cannot', async () => {
  const file = join(dir, 'run', 'options');
  if (!before) return expect(await keepCgroupOptions(runner, file)).toEqual([]);
  put({ ...before, options: [...before.options, OPTION] });
  if (!look()?.options.includes(OPTION)) {
    // Outside of the machine's first cgroup namespace the kernel listens to nobody.
    writeFileSync(join(dir, 'noted'), OPTION);
    const refused = keepCgroupOptions(runner, join(dir, 'noted'));
    return expect(refused).rejects.toThrow(`the kernel ignores ${OPTION}`);
  }
  const { options: wanted } = look() ?? before;
  expect(await keepCgroupOptions(runner, file)).toEqual([]);
  strip();
  expect(look()?.options).toEqual([]);
  expect(await keepCgroupOptions(runner, file)).toEqual(wanted);
  expect(look()?.options).toEqual(wanted);
  expect(await keepCgroupOptions(runner, file)).toEqual([]);
});
