import { readFile } from 'node:fs/promises';
import { cgroupPids } from '../host/cgroup-tree.ts';
import { freezerDir } from '../host/freeze.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';

/** Address, rights, offset, device, inode. */
const SHARED = /^[\da-f]+-[\da-f]+ .w.s [\da-f]+ [\da-f]+:[\da-f]+ (\d+) /gm;

/** Inodes of the files that frozen tasks have mapped writable and shared: their ctime does not tell of every store. */
export async function mappedInodes(cgroup: CgroupPaths): Promise<Set<string>> {
  const found = new Set<string>();
  for (const pid of await cgroupPids(freezerDir(cgroup))) {
    const maps = await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '');
    for (const inode of sharedIn(maps)) found.add(inode);
  }
  return found;
}

/** Of one task's maps. Pure. */
export function sharedIn(maps: string): string[] {
  return [...maps.matchAll(SHARED)].flatMap(([, inode = '0']) => (inode === '0' ? [] : inode));
}
