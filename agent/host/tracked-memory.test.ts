import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noteTracked, sweepTracked, trackedSince } from './tracked-memory.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-tracked-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('keeps what is noted of a process that lives, and sweeps what is of one that was', async () => {
  await sweepTracked(dir);
  await noteTracked(dir, process.pid, 'living');
  await noteTracked(dir, process.ppid, 'dead');
  const file = join(dir, 'tracked', `${process.ppid}.json`);
  // Its pid is another's by now.
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"birth":"\d+"/, '"birth":"1"'));
  await sweepTracked(dir);
  expect(readdirSync(join(dir, 'tracked'))).toEqual([`${process.pid}.json`]);
  expect(await trackedSince(dir, process.pid)).toBe('living');
});
