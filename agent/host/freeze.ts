import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/errors.ts';
import type { EarlyFreeze } from '../criu/criu.ts';
import type { Clock } from '../effects/clock.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { cgroupPids, cgroupTree, isGone, readCgroupFile } from './cgroup-tree.ts';
import { hostFailed } from './failure.ts';

const DEADLINE_MS = 10_000;
/** What runs freezes at once. */
const FENCE_MS = 1_000;
const POLL_FIRST_MS = 1;
const POLL_LAST_MS = 20;

/** Freezes every task of a cgroup and waits until the kernel says so. @throws GodwitError HOST_FAILED */
export async function freezeCgroup(paths: CgroupPaths, clock: Clock): Promise<void> {
  const { file, value } = freezeFile(paths);
  await write(file, value);
  await until(clock, `freezing ${file}`, () => isFrozen(paths));
}

/**
 * Freezes every task of a cgroup that is to run no more. One that waits inside the kernel, for a page that nobody brings, say,
 * is not reported as frozen; it is stopped before it could run its program, so that it is not waited for.
 * @throws GodwitError HOST_FAILED
 */
export async function fenceCgroup(paths: CgroupPaths, clock: Clock): Promise<void> {
  const { file, value } = freezeFile(paths);
  await write(file, value);
  await until(clock, `freezing ${file}`, () => isFrozen(paths), FENCE_MS).catch((error: unknown) => {
    if (!(error instanceof GodwitError)) throw error;
  });
}

/** Lets the tasks of a cgroup run again and waits until they do; a cgroup that is gone counts as thawed. @throws GodwitError HOST_FAILED */
export async function thawCgroup(paths: CgroupPaths, clock: Clock): Promise<void> {
  await thawTree(paths);
  await until(clock, `thawing ${freezeFile(paths).file}`, async () => !(await isFrozen(paths)));
}

/**
 * Kills every task of a cgroup, frozen or not, and waits until none is left; a cgroup that is gone counts as empty.
 * No task runs again in between: each has its SIGKILL before the cgroup is thawed. @throws GodwitError HOST_FAILED
 */
export async function killCgroup(paths: CgroupPaths, clock: Clock): Promise<void> {
  const dir = freezerDir(paths);
  await until(clock, `killing the tasks in ${dir}`, async () => {
    if (usesV1Freezer(paths) || !(await write(join(dir, 'cgroup.kill'), '1'))) {
      for (const pid of await cgroupPids(dir)) kill(pid);
    }
    // A v1-frozen task dies only when it is thawed; v2 lets it die as it is, thawed afterwards for whoever waits for it.
    await thawTree(paths);
    return (await cgroupPids(dir)).length === 0;
  });
}

/** True when the kernel reports the whole cgroup as frozen; false when it is gone. */
export async function isFrozen(paths: CgroupPaths): Promise<boolean> {
  const dir = freezerDir(paths);
  if (usesV1Freezer(paths)) return (await readCgroupFile(join(dir, 'freezer.state'))) === 'FROZEN';
  return /^frozen 1$/m.test((await readCgroupFile(join(dir, 'cgroup.events'))) ?? '');
}

/** True when no task of the cgroup may run its program, whether the kernel reports all of them as frozen yet or not. */
export async function isFenced(paths: CgroupPaths): Promise<boolean> {
  const dir = freezerDir(paths);
  if (!usesV1Freezer(paths)) return (await readCgroupFile(join(dir, 'cgroup.freeze'))) === '1';
  return ['FROZEN', 'FREEZING'].includes((await readCgroupFile(join(dir, 'freezer.state'))) ?? '');
}

/** What to write where so that the cgroup freezes; for a hook script that does it without the agent. */
export function freezeFile(paths: CgroupPaths): { readonly file: string; readonly value: string } {
  const dir = freezerDir(paths);
  return usesV1Freezer(paths)
    ? { file: join(dir, 'freezer.state'), value: 'FROZEN' }
    : { file: join(dir, 'cgroup.freeze'), value: '1' };
}

/** How a hook script freezes before criu does. */
export function earlyFreeze(paths: CgroupPaths): { readonly early: EarlyFreeze } {
  const group = freezerDir(paths);
  if (usesV1Freezer(paths)) return { early: { thawed: 'THAWED', group, tasks: 'tasks' } };
  const events = join(group, 'cgroup.events');
  return { early: { thawed: '0', group, tasks: 'cgroup.threads', events } };
}

/** The directory whose freezer holds the whole container: criu's `--freeze-cgroup`. */
export function freezerDir(paths: CgroupPaths): string {
  const dir = paths.dirs.freezer ?? paths.dirs.unified;
  if (dir === undefined) throw hostFailed('freezing a cgroup', 'it has no freezer');
  return dir;
}

function usesV1Freezer(paths: CgroupPaths): boolean {
  return paths.dirs.freezer !== undefined;
}

async function thawTree(paths: CgroupPaths): Promise<void> {
  const [file, value] = usesV1Freezer(paths) ? ['freezer.state', 'THAWED'] : ['cgroup.freeze', '0'];
  for (const group of await cgroupTree(freezerDir(paths))) await write(join(group, file), value);
}

/** Polls with a growing pause: the v1 freezer gives no event, and most changes are seen at the first look. */
async function until(
  clock: Clock,
  action: string,
  done: () => Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  for (let pauseMs = POLL_FIRST_MS; !(await done()); pauseMs = Math.min(pauseMs * 2, POLL_LAST_MS)) {
    if (clock.monotonicMs() - startedMs > deadlineMs) {
      throw hostFailed(action, `the kernel did not report it within ${deadlineMs} ms`);
    }
    await clock.sleep(pauseMs);
  }
}

/** Writes a cgroup file; false when the file or its cgroup does not exist. */
async function write(file: string, value: string): Promise<boolean> {
  try {
    await writeFile(file, value, { flag: 'r+' });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw hostFailed(`writing ${value} to ${file}`, error);
  }
}

/** Pid 0 stands for a task outside this pid namespace; to kill(2) it would mean the agent's own process group. */
function kill(pid: number): void {
  if (pid <= 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw hostFailed(`killing process ${pid}`, error);
  }
}
