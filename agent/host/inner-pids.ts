import { readFile } from 'node:fs/promises';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { cgroupPids } from './cgroup-tree.ts';
import { hasCode, hostFailed } from './failure.ts';
import { freezerDir } from './freeze.ts';

/**
 * The processes of a container, by the pid that each has inside: what criu's images call it. A task that is gone
 * meanwhile is left out. @throws GodwitError HOST_FAILED
 */
export async function innerPids(cgroup: CgroupPaths): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const pid of await cgroupPids(freezerDir(cgroup))) {
    const inner = innerPid(await statusOf(pid));
    if (inner !== undefined) found.set(inner, pid);
  }
  return found;
}

/** The innermost pid in a /proc/PID/status: the last of `NSpid`, which has one for each namespace from the reader's on. */
export function innerPid(status: string): number | undefined {
  const last = /^NSpid:.*?(\d+)$/m.exec(status)?.[1];
  return last === undefined ? undefined : Number(last);
}

async function statusOf(pid: number): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return '';
    throw hostFailed(`reading the status of process ${pid}`, error);
  }
}
