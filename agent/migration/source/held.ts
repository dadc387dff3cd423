import { cgroupPids } from '../../host/cgroup-tree.ts';
import { type FileLock, retakeFileLocks } from '../../host/file-locks.ts';
import { freezerDir, thawCgroup } from '../../host/freeze.ts';
import { clearNetworkLock } from '../../host/network-lock.ts';
import { endTcpRepair } from '../../host/tcp-repair.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';

/** How long an undo waits for file locks that the target's dying copy still holds. */
const LOCKS_MS = 2_000;

/** The tasks that a dump holds, or has held. */
export interface Held {
  readonly initPid: number;
  readonly cgroup: CgroupPaths;
}

/**
 * Lets the tasks of a dump that was given up run on, once its criu has ended: what a killed criu leaves behind is mended
 * before they are thawed. Safe to repeat; tasks that are gone need nothing. @throws GodwitError HOST_FAILED
 */
export async function letGo(
  agent: Agent,
  job: string,
  { initPid, cgroup }: Held,
  locks: readonly FileLock[],
): Promise<void> {
  const { runner, clock, log } = agent;
  if (!(await cgroupPids(freezerDir(cgroup))).includes(initPid)) return;
  await clearNetworkLock(runner, initPid);
  await endTcpRepair(runner, cgroup);
  // A lock that cannot be had again must not keep the container frozen.
  const retaken = await retakeFileLocks({ runner, clock, patienceMs: LOCKS_MS }, locks).catch(
    (error: unknown) => error,
  );
  if (retaken !== true) log.error({ job, locks, retaken }, 'a file lock of the container is gone');
  await thawCgroup(cgroup, clock);
}
