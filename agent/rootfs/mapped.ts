import { readFile } from 'node:fs/promises';
import { cgroupPids } from '../host/cgroup-tree.ts';
import { freezerDir } from '../host/freeze.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';

/** Address, rights, offset, device, inode, path. */
const SHARED = /^[\da-f]+-[\da-f]+ .w.s [\da-f]+ [\da-f]+:[\da-f]+ (\d+) +(.*)$/gm;

/** Files that are mapped writable and shared. An overlay has inode numbers of its own: there the path tells. */
export interface MappedFiles {
  readonly inodes: ReadonlySet<string>;
  /** As the tasks see them, as latin1. */
  readonly paths: ReadonlySet<string>;
}

/** Files that frozen tasks have mapped so: their ctime does not tell of every store. */
export async function mappedFiles(cgroup: CgroupPaths): Promise<MappedFiles> {
  const [inodes, paths] = [new Set<string>(), new Set<string>()];
  for (const pid of await cgroupPids(freezerDir(cgroup))) {
    const maps = await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '');
    for (const { inode, path } of sharedIn(maps)) {
      inodes.add(inode);
      paths.add(path);
    }
  }
  return { inodes, paths };
}

/** Of one task's maps. Pure. */
export function sharedIn(maps: string): { readonly inode: string; readonly path: string }[] {
  return [...maps.matchAll(SHARED)].flatMap(([, inode = '0', path = '']) =>
    inode === '0' ? [] : { inode, path: path.replaceAll('\\012', '\n') },
  );
}
