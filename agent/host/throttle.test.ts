import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { putCpuLimitBack, throttleCpu as throttle } from './throttle.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-throttle-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const v1 = (): CgroupPaths => ({ version: 'v1', dirs: { cpu: dir } });
const v2 = (): CgroupPaths => ({ version: 'v2', dirs: { unified: dir } });
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
/** Up to the first line's end: unlike the kernel, a file keeps what a shorter write does not cover. */
const get = (name: string) => readFileSync(join(dir, name), 'utf8').split('\n')[0] ?? '';
const CPUS = 4;

/** Throttles, and returns the undo. */
async function throttleCpu(cgroup: CgroupPaths, share: number, cpus?: number) {
  const old = await throttle(cgroup, share, () => {}, cpus);
  return () => putCpuLimitBack(old);
}

it('leaves a share of a v2 quota, and puts exactly the old one back', async () => {
  put('cpu.max', '150000 100000\n');
  const undo = await throttleCpu(v2(), 0.8, CPUS);
  expect(get('cpu.max')).toBe('120000 100000');
  await undo();
  expect(get('cpu.max')).toBe('150000 100000');
});

it('leaves a share of all CPUs where v2 has no quota', async () => {
  put('cpu.max', 'max 50000\n');
  const undo = await throttleCpu(v2(), 0.5, CPUS);
  expect(get('cpu.max')).toBe('100000 50000');
  put('cpu.max', '\n'.repeat(20));
  await undo();
  expect(get('cpu.max')).toBe('max 50000');
});

it('leaves a share of a v1 quota, or of all CPUs', async () => {
  put('cpu.cfs_period_us', '100000\n');
  put('cpu.cfs_quota_us', '200000\n');
  const undo = await throttleCpu(v1(), 0.7, CPUS);
  expect(get('cpu.cfs_quota_us')).toBe('140000');
  await undo();
  expect(get('cpu.cfs_quota_us')).toBe('200000');

  put('cpu.cfs_quota_us', '-1\n\n\n\n\n\n');
  const undoUnlimited = await throttleCpu(v1(), 0.1, CPUS);
  expect(get('cpu.cfs_quota_us')).toBe('40000');
  put('cpu.cfs_quota_us', '\n'.repeat(20));
  await undoUnlimited();
  expect(get('cpu.cfs_quota_us')).toBe('-1');
});

it('counts no more CPUs than the container has threads, in all of its groups', async () => {
  put('cpu.max', 'max 100000\n');
  put('cgroup.threads', '10\n');
  mkdirSync(join(dir, 'child'));
  put('child/cgroup.threads', '11\n');
  await throttleCpu(v2(), 0.5, 64);
  expect(get('cpu.max')).toBe('100000 100000');
});

it('never asks for less than the kernel grants', async () => {
  put('cpu.max', '2000 100000\n');
  await throttleCpu(v2(), 0.1, CPUS);
  expect(get('cpu.max')).toBe('1000 100000');
});

it('takes a cgroup that is gone as undone, but not as throttled', async () => {
  put('cpu.max', 'max 100000\n');
  const undo = await throttleCpu(v2(), 0.5, CPUS);
  rmSync(dir, { recursive: true });
  await undo();
  await undo();
  await expect(throttleCpu(v2(), 0.5)).rejects.toMatchObject({ code: 'HOST_FAILED' });
});

it('says so when the old limit cannot be put back', async () => {
  put('cpu.max', 'max 100000\n');
  const undo = await throttleCpu(v2(), 0.5, CPUS);
  rmSync(join(dir, 'cpu.max'));
  mkdirSync(join(dir, 'cpu.max'));
  await expect(undo()).rejects.toMatchObject({ code: 'HOST_FAILED' });
});

it('refuses a cgroup without a CPU controller', async () => {
  await expect(throttleCpu({ version: 'v1', dirs: { freezer: dir } }, 0.5)).rejects.toThrow(/CPU controller/);
});
