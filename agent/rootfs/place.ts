import { lstat, mkdir, readdir, readFile, realpath, rename, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Runner } from '../effects/runner.ts';
import { hasCode, hostFailed, wordsOf } from '../host/failure.ts';
import { mountsIn } from '../preflight/rootfs.ts';
import { clearMark, isMarked, type Mark, setMark } from './mark.ts';

/** Removing a tree may take as long as its file system needs for all its files. */
const REMOVE_MS = 600_000;

/** One directory on this node that moves with its container. */
export interface Rootfs extends Mark {
  readonly name: string;
}

/** What there is at a root and beside it, for a container that is on another node. */
export type Room = 'free' | 'basis' | 'taken';

/** How a place was taken; enough to give it back. */
export interface Place {
  readonly root: string;
  /** True: an older copy lay here. It is only ever moved, never removed. */
  readonly basis: boolean;
  /** The topmost directory that had to be made. */
  readonly made: string;
}

/** Where the copy is kept that a move leaves behind. */
export function keptAt(root: string): string {
  return `${root}.migrated`;
}

/**
 * Whether a container may arrive at its root: `free`, nothing is there (or an empty directory); `basis`, a copy that godwit
 * left; `taken`, somebody else's. Changes nothing.
 */
export async function roomAt(stateDir: string, mark: Mark): Promise<Room> {
  const marked = await isMarked(stateDir, mark);
  const [there, kept] = [await isFilled(mark.root), await isFilled(keptAt(mark.root))];
  if (!marked) return there ? 'taken' : 'free';
  return there || kept ? 'basis' : 'free';
}

/** Whether the copy that stays behind can be kept: what lies there would have to go. */
export async function canKeep(stateDir: string, mark: Mark): Promise<boolean> {
  return !(await isFilled(keptAt(mark.root))) || (await isMarked(stateDir, mark));
}

/**
 * Makes the directory that a container is to arrive in, or takes what an earlier move left. `note` is told how before
 * anything is done. @throws GodwitError HOST_FAILED, ROOTFS_FAILED
 */
export async function takePlace(
  stateDir: string,
  rootfs: Rootfs,
  note: (place: Place) => void,
): Promise<Place> {
  const { name, root } = rootfs;
  const room = await roomAt(stateDir, rootfs);
  if (room === 'taken')
    throw new GodwitError('ROOTFS_FAILED', { container: name, problem: `${root} is in use` });
  const place = { root, basis: room === 'basis', made: await firstMissing(root) };
  note(place);
  await setMark(stateDir, rootfs);
  try {
    await rmdir(root).catch(ignoring('ENOENT', 'ENOTEMPTY'));
    await mkdir(dirname(root), { recursive: true, mode: 0o755 });
    if (!place.basis) await mkdir(root, { mode: 0o755 });
    else if (!(await isFilled(root))) await rename(keptAt(root), root);
  } catch (error) {
    throw hostFailed(`making ${root}`, error);
  }
  return place;
}

/** The container does not arrive: what was made goes, a basis is put aside again. Safe to repeat. @throws GodwitError HOST_FAILED */
export async function givePlaceBack(
  runner: Runner,
  stateDir: string,
  rootfs: Mark,
  place: Place,
): Promise<void> {
  const { root } = rootfs;
  if (place.basis) return putAside(runner, root);
  await removeTree(runner, root);
  await clearMark(stateDir, rootfs);
  for (let dir = dirname(root); dir.startsWith(place.made); dir = dirname(dir))
    await rmdir(dir).catch(ignoring('ENOENT', 'ENOTEMPTY', 'EEXIST'));
}

/**
 * The container has left for good: its copy here is kept beside its place, or removed. Safe to repeat.
 * @throws GodwitError HOST_FAILED
 */
export async function leavePlace(
  runner: Runner,
  stateDir: string,
  rootfs: Mark,
  what: 'keep' | 'delete',
): Promise<void> {
  if (what === 'keep') return putAside(runner, rootfs.root);
  await removeTree(runner, rootfs.root);
  await removeTree(runner, keptAt(rootfs.root));
  await clearMark(stateDir, rootfs);
}

async function putAside(runner: Runner, root: string): Promise<void> {
  if (!(await isFilled(root))) return;
  await removeTree(runner, keptAt(root));
  await rename(root, keptAt(root)).catch((error: unknown) => {
    throw hostFailed(`renaming ${root}`, error);
  });
}

/**
 * Whatever is there, unless something is mounted in it as this process sees it: rm goes through what is bound there from the same
 * file system. @throws GodwitError HOST_FAILED
 */
export async function removeTree(runner: Runner, path: string): Promise<void> {
  const place = join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path));
  const [mounted] = mountsIn(await readFile('/proc/self/mountinfo', 'utf8'), place);
  if (mounted !== undefined) throw hostFailed(`removing ${path}`, `${mounted} is mounted`);
  const args = ['-rf', '--one-file-system', '--', path];
  const result = await runner.run({ file: 'rm', args, deadlineMs: REMOVE_MS });
  if (result.exitCode !== 0) throw hostFailed(`removing ${path}`, wordsOf(result));
}

/** Something is there, and it is not just an empty directory. */
export async function isFilled(path: string): Promise<boolean> {
  try {
    if (!(await lstat(path)).isDirectory()) return true;
    return (await readdir(path)).length > 0;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw hostFailed(`looking at ${path}`, error);
  }
}

/** The topmost directory on the way to a path that is not there; the path itself when only that is missing. */
export async function firstMissing(path: string): Promise<string> {
  for (let dir = path; ; dir = dirname(dir)) {
    const parent = dirname(dir);
    const there = await lstat(parent).catch(ignoring('ENOENT'));
    if (there || parent === dir) return dir;
  }
}

function ignoring(...codes: readonly string[]) {
  return (error: unknown): undefined => {
    if (!hasCode(error, ...codes)) throw error;
  };
}
