import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readCgroupFile } from '../../host/cgroup-tree.ts';
import { kernelDirs } from '../../host/kernel-text.ts';
import type { CgroupPaths } from '../runtime.ts';
import { hasFile, SWAP } from './group-limits.ts';

/** Of files that a restore would write in the container's groups, those that groups of this node do not have. */
export async function carriedWithout(base: CgroupPaths, carried: readonly string[]): Promise<string[]> {
  if (base.version === 'v1') return carried.filter((name) => !hasFile(base, name));
  const { unified = '' } = base.dirs;
  const text = (await readCgroupFile(join(unified, 'cgroup.controllers'))) ?? '';
  const controllers = text.split(' ');
  return carried.filter((name) => {
    const [controller = ''] = name.split('.');
    return !controllers.includes(controller) || (name === SWAP && !countsSwap(unified));
  });
}

/** Below the first group of v2 any that has limits of memory tells; where there is none, whether the kernel swaps at all. */
function countsSwap(unified: string): boolean {
  const group = [unified, ...kernelDirs(unified).map((name) => join(unified, name))].find((dir) =>
    existsSync(join(dir, 'memory.max')),
  );
  return group === undefined ? existsSync('/proc/swaps') : existsSync(join(group, SWAP));
}
