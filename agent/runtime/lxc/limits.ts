import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { readCgroupFile } from '../../host/cgroup-tree.ts';
import { hostFailed } from '../../host/failure.ts';
import type { CgroupPaths } from '../runtime.ts';

const PERIOD_US = 100_000;

/**
 * `<vcpu>N</vcpu>` as CPU time: N CPUs' worth per period (CFS quota). Not a cpuset: a quota needs no choice of CPUs, means
 * the same on every node however many CPUs it has, and lets the scheduler balance.
 */
export function cpuMax(spec: Pick<DomainSpec, 'vcpus'>): {
  readonly quotaUs: number;
  readonly periodUs: number;
} {
  return { quotaUs: Math.round(spec.vcpus * PERIOD_US), periodUs: PERIOD_US };
}

/** Writes the limits of the spec straight into a container's cgroup. @throws GodwitError HOST_FAILED */
export async function writeLimits(
  paths: CgroupPaths,
  spec: Pick<DomainSpec, 'memoryBytes' | 'vcpus'>,
): Promise<void> {
  const { quotaUs, periodUs } = cpuMax(spec);
  if (paths.version === 'v1') {
    await write(paths, 'memory', 'memory.limit_in_bytes', String(spec.memoryBytes));
    await write(paths, 'cpu', 'cpu.cfs_period_us', String(periodUs));
    await write(paths, 'cpu', 'cpu.cfs_quota_us', String(quotaUs));
    return;
  }
  await write(paths, 'unified', 'memory.max', String(spec.memoryBytes));
  await write(paths, 'unified', 'cpu.max', `${quotaUs} ${periodUs}`);
}

/** The limits as the kernel has them: `memoryBytes`, `cpuQuotaUs`, `cpuPeriodUs`; `max` where there is none. */
export async function readLimitsOf(paths: CgroupPaths): Promise<Record<string, string | number>> {
  if (paths.version === 'v1') {
    return {
      memoryBytes: limit(await read(paths, 'memory', 'memory.limit_in_bytes')),
      cpuQuotaUs: limit(await read(paths, 'cpu', 'cpu.cfs_quota_us')),
      cpuPeriodUs: limit(await read(paths, 'cpu', 'cpu.cfs_period_us')),
    };
  }
  const [quota, period] = (await read(paths, 'unified', 'cpu.max')).split(' ');
  return {
    memoryBytes: limit(await read(paths, 'unified', 'memory.max')),
    cpuQuotaUs: limit(quota ?? ''),
    cpuPeriodUs: limit(period ?? ''),
  };
}

/** v1 says -1 or the largest page-aligned number for "none", v2 says max. */
function limit(text: string): string | number {
  const value = Number(text);
  return text === '' || Number.isNaN(value) || value < 0 || value >= Number.MAX_SAFE_INTEGER ? 'max' : value;
}

async function read(paths: CgroupPaths, controller: string, name: string): Promise<string> {
  const dir = paths.dirs[controller];
  return dir === undefined ? '' : ((await readCgroupFile(join(dir, name))) ?? '');
}

async function write(paths: CgroupPaths, controller: string, name: string, value: string): Promise<void> {
  const dir = paths.dirs[controller];
  if (dir === undefined) throw hostFailed(`setting ${name}`, `there is no ${controller} cgroup`);
  try {
    await writeFile(join(dir, name), value, { flag: 'r+' });
  } catch (error) {
    throw hostFailed(`writing ${value} to ${join(dir, name)}`, error);
  }
}
