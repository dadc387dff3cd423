import { join } from 'node:path';
import { hasCode, hostFailed } from './failure.ts';
import { kernelDirs, kernelText } from './kernel-text.ts';

/** A cgroup directory and all below it, parents first; empty when it does not exist. */
export async function cgroupTree(dir: string): Promise<string[]> {
  const found = [dir];
  try {
    for (const name of kernelDirs(dir)) found.push(...(await cgroupTree(join(dir, name))));
  } catch (error) {
    if (isGone(error)) return [];
    throw hostFailed(`reading the cgroup ${dir}`, error);
  }
  return found;
}

/** Every process in a cgroup and below it; empty when the cgroup does not exist. */
export async function cgroupPids(dir: string): Promise<number[]> {
  const pids: number[] = [];
  for (const group of await cgroupTree(dir)) {
    const text = await readCgroupFile(join(group, 'cgroup.procs'));
    for (const line of (text ?? '').split('\n')) if (line) pids.push(Number(line));
  }
  return pids;
}

/** Content of a cgroup file without the final newline; undefined when the cgroup is gone. @throws GodwitError HOST_FAILED */
export async function readCgroupFile(file: string): Promise<string | undefined> {
  try {
    return kernelText(file).trimEnd();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw hostFailed(`reading ${file}`, error);
  }
}

/** A cgroup may vanish between listing and reading: ENODEV is what an open file of a removed group answers. */
export function isGone(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENODEV', 'ENOTDIR');
}
