import { chmod, chown, lstat, mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import type { Runner } from '../../effects/runner.ts';
import { hasCode, hostFailed, wordsOf } from '../../host/failure.ts';
import { kernelText } from '../../host/kernel-text.ts';
import { fromFstab } from './mounts.ts';
import type { Lxc } from './tool.ts';

const MOUNT_MS = 10_000;
const REMOVE_MS = 60_000;
/** What an ended container held of it is let go a moment later. */
const BUSY_MS = 3_000;
const POLL_MS = 20;
/** What overlayfs makes in its working directory, without any rights. */
const WORK = ['work', 'index'];

/**
 * Where the overlay of a container is mounted, for LXC to take as a directory: its own overlays cannot be restored, for
 * lxc-checkpoint binds the path of the root as it is (LXC 7.0, criu.c: do_restore).
 */
export function overlayDir(lxcPath: string, name: string): string {
  return join(lxcPath, name, 'overlay');
}

/** Mounts the root file system of a container that is about to run, when it is an overlay. @throws GodwitError HOST_FAILED */
export async function mountOverlay(options: Lxc, { name, root, policy }: DomainSpec): Promise<void> {
  if (!policy.lower) return;
  await unmountOverlay(options, name);
  const [dir, work] = [overlayDir(options.lxcPath, name), `${root.source}.work`];
  const settings = `lowerdir=${policy.lower.join(':')},upperdir=${root.source},workdir=${work}`;
  try {
    await mkdir(dir, { recursive: true });
    await mkdir(work, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw hostFailed(`making ${dir} and ${work}`, error);
  }
  const foreign = await foreignIn(work);
  if (foreign !== undefined)
    throw hostFailed(`mounting the overlay ${dir}`, `${work} is needed for it, and holds ${foreign}`);
  const args = ['-t', 'overlay', '-o', settings, `godwit-${name}`, dir];
  const result = await options.runner.run({ file: 'mount', args, deadlineMs: MOUNT_MS });
  if (result.exitCode !== 0) throw hostFailed(`mounting the overlay ${dir}`, wordsOf(result));
}

/** Takes it away again, and what overlayfs itself needed; does nothing where there is none. @throws GodwitError HOST_FAILED */
export async function unmountOverlay({ runner, clock, lxcPath }: Lxc, name: string): Promise<void> {
  const dir = overlayDir(lxcPath, name);
  const untilMs = clock.monotonicMs() + BUSY_MS;
  for (let work = await workDirOf(dir); work !== undefined; work = await workDirOf(dir)) {
    const result = await runner.run({ file: 'umount', args: [dir], deadlineMs: MOUNT_MS });
    if (result.exitCode === 0) await removeWork(runner, work);
    else if (clock.monotonicMs() >= untilMs) throw hostFailed(`unmounting ${dir}`, wordsOf(result));
    else await clock.sleep(POLL_MS);
  }
  await rmdir(dir).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ENOTEMPTY')) throw hostFailed(`removing ${dir}`, error);
  });
}

/**
 * Shows a mounted overlay the owner and the rights of its root anew: it has read them when it was mounted, and what was copied to
 * its upper directory since, it does not see. @throws GodwitError HOST_FAILED
 */
export async function refreshOverlay({ lxcPath }: Lxc, { name, root, policy }: DomainSpec): Promise<void> {
  if (!policy.lower) return;
  const dir = overlayDir(lxcPath, name);
  try {
    const { uid, gid, mode } = await lstat(root.source);
    await chown(dir, uid, gid);
    await chmod(dir, mode & 0o7777);
  } catch (error) {
    throw hostFailed(`setting owner and rights of ${dir}`, error);
  }
}

/** What lies there that no overlay left which was cut off; overlayfs would empty it. */
async function foreignIn(work: string): Promise<string | undefined> {
  try {
    for (const entry of await readdir(work)) {
      const { mode } = await lstat(join(work, entry));
      if (!WORK.includes(entry) || (mode & 0o777) !== 0) return JSON.stringify(entry);
    }
    return undefined;
  } catch (error) {
    throw hostFailed(`looking at ${work}`, error);
  }
}

/** Only what overlayfs has made: the directory may have been somebody's before. */
async function removeWork(runner: Runner, work: string): Promise<void> {
  const made = WORK.map((entry) => join(work, entry));
  await runner.run({ file: 'rm', args: ['-rf', '--one-file-system', '--', ...made], deadlineMs: REMOVE_MS });
  await rmdir(work).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY')) throw hostFailed(`removing ${work}`, error);
  });
}

/** The working directory of the overlay that is mounted there. */
async function workDirOf(dir: string): Promise<string | undefined> {
  const table = kernelText('/proc/self/mountinfo');
  const line = table.split('\n').find((one) => fromFstab(one.split(' ')[4] ?? '') === dir);
  const work = /[ ,]workdir=([^, ]+)/.exec(line ?? '')?.[1];
  return work === undefined ? undefined : fromFstab(work);
}
