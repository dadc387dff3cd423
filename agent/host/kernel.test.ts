import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { appArmorEnabled, memoryAvailableBytes, raisePipeMaxSize } from './kernel.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-kernel-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function file(text: string): string {
  const path = join(dir, 'file');
  writeFileSync(path, text);
  return path;
}

it('raises the pipe limit and never lowers it', async () => {
  const path = file('1048576\n');
  expect(await raisePipeMaxSize(64 * 1024 * 1024, path)).toBe(64 * 1024 * 1024);
  expect(await raisePipeMaxSize(4096, path)).toBe(64 * 1024 * 1024);
  expect(readFileSync(path, 'utf8')).toBe(String(64 * 1024 * 1024));
  await expect(raisePipeMaxSize(1, join(dir, 'missing'))).rejects.toMatchObject({ code: 'HOST_FAILED' });
});

it('reads the memory that can be had', async () => {
  expect(await memoryAvailableBytes(file('MemTotal: 10 kB\nMemAvailable:     2048 kB\n'))).toBe(2048 * 1024);
  await expect(memoryAvailableBytes(file('MemTotal: 10 kB\n'))).rejects.toThrow(/MemAvailable/);
});

it('sees AppArmor only where it is on', async () => {
  expect(await appArmorEnabled(file('Y\n'))).toBe(true);
  expect(await appArmorEnabled(file('N\n'))).toBe(false);
  expect(await appArmorEnabled(join(dir, 'missing'))).toBe(false);
});
