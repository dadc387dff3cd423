import { mkdir, readFile, rmdir } from 'node:fs/promises';
import type { Undo } from '../effects/reverter.ts';
import type { Runner } from '../effects/runner.ts';
import { hasCode, hostFailed, wordsOf } from './failure.ts';

const DEADLINE_MS = 10_000;

/**
 * Mounts a tmpfs of at most `sizeBytes` on `dir` (made when missing), for the images of one move: they must never touch
 * a disk. The returned undo unmounts it, which frees the memory, and removes the directory; it can be repeated.
 * @throws GodwitError HOST_FAILED
 */
export async function mountTmpfs(runner: Runner, dir: string, sizeBytes: number): Promise<Undo> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const options = `size=${sizeBytes},mode=0700,nosuid,nodev`;
  const args = ['-t', 'tmpfs', '-o', options, 'godwit', dir];
  const result = await runner.run({ file: 'mount', args, deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0) {
    await removeDir(dir);
    throw hostFailed(`mounting a tmpfs on ${dir}`, wordsOf(result));
  }
  return () => unmountTmpfs(runner, dir);
}

/** Unmounts whatever is mounted on `dir` and removes the directory; does nothing where there is none. @throws GodwitError HOST_FAILED */
export async function unmountTmpfs(runner: Runner, dir: string): Promise<void> {
  while (await isMounted(dir)) {
    // Lazy: a criu that is just ending may still have a file open; the memory goes with its last descriptor.
    const result = await runner.run({ file: 'umount', args: ['--lazy', dir], deadlineMs: DEADLINE_MS });
    // An agent that died may have begun the same, and its program is through by now.
    if (result.exitCode !== 0 && (await isMounted(dir)))
      throw hostFailed(`unmounting ${dir}`, wordsOf(result));
  }
  await removeDir(dir);
}

async function isMounted(dir: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const escaped = dir.replaceAll(
    /[\\ \t\n]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return mounts.split('\n').some((line) => line.split(' ')[4] === escaped);
}

async function removeDir(dir: string): Promise<void> {
  try {
    await rmdir(dir);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw hostFailed(`removing ${dir}`, error);
  }
}
