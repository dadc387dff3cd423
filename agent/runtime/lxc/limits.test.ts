import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CgroupPaths } from '../runtime.ts';
import { readLimitsOf, writeLimits } from './limits.ts';
import { readStats } from './stats.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-limits-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const v1 = (): CgroupPaths => ({
  version: 'v1',
  dirs: { memory: dir, cpu: dir, cpuacct: dir, freezer: dir },
});
const v2 = (): CgroupPaths => ({ version: 'v2', dirs: { unified: dir } });
const SPEC = { memoryBytes: 64 * 1024 * 1024, vcpus: 1.5 };
const WRITTEN = { memoryBytes: SPEC.memoryBytes, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 };

/** The files of a cgroup, as the kernel would have made them. */
function files(contents: Record<string, string>): void {
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(dir, name), text);
}

it('writes and reads the limits of cgroup v1', async () => {
  files({
    'memory.limit_in_bytes': '9223372036854771712\n',
    'cpu.cfs_quota_us': '-1\n',
    'cpu.cfs_period_us': '50000\n',
  });
  expect(await readLimitsOf(v1())).toEqual({ memoryBytes: 'max', cpuQuotaUs: 'max', cpuPeriodUs: 50_000 });
  files({ 'memory.limit_in_bytes': '', 'cpu.cfs_quota_us': '', 'cpu.cfs_period_us': '' });
  await writeLimits(v1(), SPEC);
  expect(await readLimitsOf(v1())).toEqual(WRITTEN);
});

it('writes and reads the limits of cgroup v2', async () => {
  files({ 'memory.max': 'max\n', 'cpu.max': 'max 100000\n' });
  expect(await readLimitsOf(v2())).toEqual({ memoryBytes: 'max', cpuQuotaUs: 'max', cpuPeriodUs: 100_000 });
  files({ 'memory.max': '', 'cpu.max': '' });
  await writeLimits(v2(), SPEC);
  expect(readFileSync(join(dir, 'cpu.max'), 'utf8')).toBe('150000 100000');
  expect(await readLimitsOf(v2())).toEqual(WRITTEN);
});

it('does not make files where the controller is missing', async () => {
  await expect(writeLimits(v2(), SPEC)).rejects.toMatchObject({ code: 'HOST_FAILED' });
  await expect(writeLimits({ version: 'v1', dirs: {} }, SPEC)).rejects.toThrow(/no memory cgroup/);
});

it('counts what would be moved, not the page cache', async () => {
  files({
    'cgroup.procs': '10\n11\n',
    'memory.stat': 'cache 900\nrss 1\ntotal_cache 5000\ntotal_rss 4096\ntotal_shmem 1024\n',
    'cpuacct.usage': '2500000\n',
  });
  expect(await readStats(v1())).toEqual({
    memoryBytes: 5120,
    processes: 2,
    cpuMs: 2.5,
  });
  files({
    'memory.stat': 'anon 4096\nfile 5000\nshmem 1024\n',
    'cpu.stat': 'usage_usec 2500\n',
  });
  expect(await readStats(v2())).toEqual({ memoryBytes: 5120, processes: 2, cpuMs: 2.5 });
});

it('sets device rules in a new group only, and never in one with groups below', async () => {
  const parent = join(dir, 'parent');
  const own = join(parent, 'own');
  mkdirSync(own, { recursive: true });
  const paths: CgroupPaths = { version: 'v1', dirs: { ...v1().dirs, devices: own } };
  const spec = { ...SPEC, lxc: [{ key: 'lxc.cgroup.devices.deny', value: 'a' }] };
  files({ 'memory.limit_in_bytes': '', 'cpu.cfs_quota_us': '', 'cpu.cfs_period_us': '' });
  writeFileSync(join(parent, 'devices.list'), 'a *:* rwm\n');
  const denied = async (list: string) => {
    writeFileSync(join(own, 'devices.list'), list);
    writeFileSync(join(own, 'devices.deny'), '');
    await writeLimits(paths, spec);
    return readFileSync(join(own, 'devices.deny'), 'utf8');
  };
  expect(await denied('a *:* rwm\n')).toBe('a');
  expect(await denied('c 1:3 rwm\n')).toBe('');
  mkdirSync(join(own, 'system.slice'));
  expect(await denied('a *:* rwm\n')).toBe('');
});
