import { constants, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { cgroupTree, isGone, readCgroupFile } from './cgroup-tree.ts';
import { hostFailed } from './failure.ts';

/** The kernel's smallest quota. */
const LEAST_QUOTA_US = 1_000;

/** A CPU limit as it stood, and where. */
export interface CpuLimit {
  readonly file: string;
  readonly value: string;
}

/** Where the CPU limit of one cgroup stands, and how it is written. */
interface Limit {
  readonly dir: string;
  readonly file: string;
  readonly old: string;
  readonly periodUs: number;
  /** Undefined: no limit. */
  readonly quotaUs: number | undefined;
  /** The file that lists the threads of one group. */
  readonly threads: string;
  readonly text: (quotaUs: number) => string;
}

/**
 * Leaves a container `share` (above 0, up to 1) of the CPU time it may use now: of its quota, or without one of all
 * CPUs, but never more than one CPU for each of its threads. `remember` is told of the old limit before it is changed;
 * resolves with it.
 * @throws GodwitError HOST_FAILED (no CPU controller, a cgroup that is gone, a limit the kernel refuses)
 */
export async function throttleCpu(
  cgroup: CgroupPaths,
  share: number,
  remember: (old: CpuLimit) => void,
  cpus = availableParallelism(),
): Promise<CpuLimit> {
  const limit = await readLimit(cgroup);
  const { dir, file, old, periodUs, quotaUs = Number.POSITIVE_INFINITY, text } = limit;
  // A single writer on a host of 64 CPUs would not feel a tenth of all of them.
  const usableUs = Math.min(quotaUs, periodUs * Math.max(1, Math.min(cpus, await threadsOf(limit))));
  const before = { file: join(dir, file), value: old };
  remember(before);
  await write(before.file, text(Math.max(LEAST_QUOTA_US, Math.round(usableUs * share))));
  return before;
}

/** Puts exactly the old limit back; may be repeated, and takes a cgroup that is gone as done. @throws GodwitError HOST_FAILED */
export async function putCpuLimitBack({ file, value }: CpuLimit): Promise<void> {
  await write(file, value).catch((error: unknown) => {
    if (!isGone((error as Error).cause)) throw error;
  });
}

async function readLimit({ dirs }: CgroupPaths): Promise<Limit> {
  if (dirs.cpu !== undefined) {
    const file = 'cpu.cfs_quota_us';
    const old = await read(join(dirs.cpu, file));
    const periodUs = Number(await read(join(dirs.cpu, 'cpu.cfs_period_us')));
    const quotaUs = Number(old) > 0 ? Number(old) : undefined;
    return { dir: dirs.cpu, file, old, periodUs, quotaUs, threads: 'tasks', text: String };
  }
  if (dirs.unified === undefined) throw hostFailed('limiting CPU time', 'the cgroup has no CPU controller');
  const file = 'cpu.max';
  const old = await read(join(dirs.unified, file));
  const [quota, period] = old.split(' ');
  return {
    dir: dirs.unified,
    file,
    old,
    periodUs: Number(period),
    quotaUs: quota === 'max' ? undefined : Number(quota),
    threads: 'cgroup.threads',
    text: (quotaUs) => `${quotaUs} ${period}`,
  };
}

/** Threads in the whole tree; unlimited where they cannot be counted. */
async function threadsOf({ dir, threads }: Limit): Promise<number> {
  let count = 0;
  for (const group of await cgroupTree(dir)) {
    const text = await readCgroupFile(join(group, threads));
    if (text) count += text.split('\n').length;
  }
  return count === 0 ? Number.POSITIVE_INFINITY : count;
}

async function read(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trimEnd();
  } catch (error) {
    throw hostFailed(`reading ${file}`, error);
  }
}

async function write(file: string, value: string): Promise<void> {
  try {
    await writeFile(file, value, { flag: constants.O_WRONLY | constants.O_TRUNC });
  } catch (error) {
    throw hostFailed(`writing ${value} to ${file}`, error);
  }
}
