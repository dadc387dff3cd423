import { join } from 'node:path';
import { cgroupPids, readCgroupFile } from '../../host/cgroup-tree.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { CgroupPaths, ContainerStats } from '../runtime.ts';

/** What a container uses right now, read from its cgroup without starting a process. */
export async function readStats(paths: CgroupPaths): Promise<ContainerStats> {
  const file = async (controller: string, name: string) => {
    const dir = paths.dirs[controller];
    return dir === undefined ? '' : ((await readCgroupFile(join(dir, name))) ?? '');
  };
  const v1 = paths.version === 'v1';
  const [memory, processes, cpu] = await Promise.all([
    file(v1 ? 'memory' : 'unified', 'memory.stat'),
    cgroupPids(freezerDir(paths)),
    v1 ? file('cpuacct', 'cpuacct.usage') : file('unified', 'cpu.stat'),
  ]);
  return {
    // rss of v1 has no shared memory in it; "cache" would count the page cache, which is not moved.
    memoryBytes: v1
      ? field(memory, 'total_rss') + field(memory, 'total_shmem')
      : field(memory, 'anon') + field(memory, 'shmem'),
    processes: processes.length,
    cpuMs: v1 ? Number(cpu || 0) / 1e6 : field(cpu, 'usage_usec') / 1e3,
  };
}

function field(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
