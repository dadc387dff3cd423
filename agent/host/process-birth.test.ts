import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { birthOf } from './process-birth.ts';

it('tells a process from another that had its pid before', async () => {
  const own = await birthOf(process.pid);
  expect(own).toMatch(/^\d+$/);
  expect(await birthOf(process.pid)).toBe(own);
  const child = spawn('sleep', ['60']);
  const pid = child.pid ?? 0;
  expect(Number(await birthOf(pid))).toBeGreaterThanOrEqual(Number(own));
  child.kill();
  await once(child, 'exit');
  expect(await birthOf(pid)).toBeUndefined();
});

it('is not misled by a name with brackets', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-birth-'));
  try {
    const program = join(dir, 'x) Z 1 2');
    copyFileSync('/bin/sleep', program);
    chmodSync(program, 0o755);
    const child = spawn(program, ['60']);
    expect(Number(await birthOf(child.pid ?? 0))).toBeGreaterThan(100);
    child.kill();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
