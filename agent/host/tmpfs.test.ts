import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Runner } from '../effects/runner.ts';
import { createRunner } from '../effects/system-runner.ts';
import { mountTmpfs, unmountTmpfs } from './tmpfs.ts';

const MIB = 1024 * 1024;
const root = process.getuid?.() === 0;
const runner = createRunner();

/** Something comes before each program. */
const after = (act: () => void): Runner => ({
  ...runner,
  run: (command) => {
    act();
    return runner.run(command);
  },
});

it.skipIf(!root)('takes it for done when somebody else was quicker to unmount it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-tmpfs-'));
  await mountTmpfs(runner, dir, MIB);
  await unmountTmpfs(
    after(() => execFileSync('umount', [dir])),
    dir,
  );
  expect(existsSync(dir)).toBe(false);
});

it.skipIf(!root)('says so when it stays mounted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-tmpfs-'));
  const undo = await mountTmpfs(runner, dir, MIB);
  const powerless: Runner = {
    ...runner,
    run: () => runner.run({ file: 'false', args: [], deadlineMs: 10_000 }),
  };
  await expect(unmountTmpfs(powerless, dir)).rejects.toMatchObject({ code: 'HOST_FAILED' });
  await undo();
  expect(existsSync(dir)).toBe(false);
});
