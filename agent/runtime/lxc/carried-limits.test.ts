import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { carriedWithout } from './carried-limits.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-carried-'));
  mkdirSync(join(dir, 'system.slice'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (name: string, text = '') => writeFileSync(join(dir, name), `${text}\n`);

it('names files of v1 that the groups of this node do not have', async () => {
  put('memory.swappiness', '60');
  const base = { version: 'v1', dirs: { memory: dir } } as const;
  const carried = ['memory.swappiness', 'memory.memsw.limit_in_bytes', 'cpu.rt_runtime_us'];
  expect(await carriedWithout(base, carried)).toEqual(['memory.memsw.limit_in_bytes', 'cpu.rt_runtime_us']);
});

it('names limits of v2 whose controller is not there, and one of swap where nothing counts it', async () => {
  const base = { version: 'v2', dirs: { unified: dir } } as const;
  const carried = ['memory.max', 'memory.swap.max', 'pids.max'];
  put('cgroup.controllers', 'cpu memory');
  put('system.slice/memory.max', 'max');
  expect(await carriedWithout(base, carried)).toEqual(['memory.swap.max', 'pids.max']);
  put('system.slice/memory.swap.max', 'max');
  put('cgroup.controllers', 'cpu memory pids');
  expect(await carriedWithout(base, carried)).toEqual([]);
});
