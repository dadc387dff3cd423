import { createHash } from 'node:crypto';
import { lstat, open, readdir, readlink, stat, statfs } from 'node:fs/promises';
import { posix } from 'node:path';
import type { RootfsIdentity } from '../../protocol/mod.ts';
import { fromFstab } from '../runtime/lxc/mounts.ts';

/** Links followed on the way to the init program, as the kernel's own limit. */
const LINKS = 40;
/** Top-level entries that count; a root has some twenty. */
const ENTRIES = 1_024;
const INIT_BYTES = 1024 * 1024;

/**
 * A few stable facts of a root file system: top-level directories and links (not files, nor sizes and times of
 * directories, which change while the container works) and its init program. Undefined when it is not there.
 */
export async function rootfsIdentity(root: string, init: string): Promise<RootfsIdentity | undefined> {
  const status = await stat(root, { bigint: true }).catch(() => undefined);
  if (!status?.isDirectory()) return undefined;
  const names = (await readdir(root)).sort().slice(0, ENTRIES);
  const entries = createHash('sha256');
  for (const name of names) {
    const path = posix.join(root, name);
    const entry = await lstat(path).catch(() => undefined);
    if (!entry || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    const link = entry.isSymbolicLink() ? await readlink(path).catch(() => '') : '';
    entries.update(`${name}\0${entry.mode}\0${entry.uid}\0${entry.gid}\0${link}\0`);
  }
  return { entries: entries.digest('hex'), init: await programDigest(root, init), inode: String(status.ino) };
}

/** SHA-256 over size, mode and the first MiB of a program; of nothing when it is not there (started by PATH, say). */
async function programDigest(root: string, program: string): Promise<string> {
  const hash = createHash('sha256');
  const path = await resolveIn(root, program);
  const regular = await stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
  const file = regular ? await open(path).catch(() => undefined) : undefined;
  if (!file) return hash.digest('hex');
  try {
    const { size, mode } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(INIT_BYTES), 0, INIT_BYTES, 0);
    return hash.update(`${size} ${mode} `).update(buffer.subarray(0, bytesRead)).digest('hex');
  } finally {
    await file.close();
  }
}

/** `path` as a process would find it that has `root` as its root directory: links never lead out. */
async function resolveIn(root: string, path: string): Promise<string> {
  let done = '/';
  const todo = path.split('/');
  for (let links = 0; todo.length > 0; ) {
    const next = posix.join(done, todo.shift() ?? '');
    const target = await readlink(posix.join(root, next)).catch(() => undefined);
    if (target === undefined) done = next;
    else if (++links > LINKS) return posix.join(root, next);
    else {
      todo.unshift(...target.split('/'));
      if (target.startsWith('/')) done = '/';
    }
  }
  return posix.join(root, done);
}

/** Mount points at a directory and below it, by the kernel's own list. Pure. */
export function mountsIn(mountInfo: string, dir: string): string[] {
  const points = mountInfo.split('\n').map((line) => fromFstab(line.split(' ')[4] ?? ''));
  return points.filter((point) => point === dir || point.startsWith(`${dir}/`));
}

/**
 * Inode number and size of the file system by path, decimal; of what is not there none. Roots of file systems often have the same
 * inode number, so that would not tell two local disks apart.
 */
export async function inodesOf(paths: readonly string[]): Promise<Record<string, string>> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const found = await Promise.all([stat(path, { bigint: true }), statfs(path, { bigint: true })]).catch(
        () => undefined,
      );
      if (!found) return [];
      const [{ ino }, { bsize, blocks }] = found;
      return [[path, `${ino} ${bsize * blocks}`] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}
