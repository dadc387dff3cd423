import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { unsupported } from './line.ts';

/** Far more than a passwd file has, far less than what could hurt. */
const FILE_BYTES = 4 * 1024 * 1024;

/**
 * The numbers of the user and group that the init runs as; names are those of the container's own files. Undefined when
 * it runs as root. @throws GodwitError UNSUPPORTED (no such name)
 */
export async function initIds({
  os,
  root,
}: Pick<DomainSpec, 'os' | 'root'>): Promise<{ uid: number; gid: number } | undefined> {
  if (!os.initUser) return undefined;
  const { user, group } = os.initUser;
  return {
    uid: await idOf(user, root.source, 'passwd', 'user'),
    gid: await idOf(group, root.source, 'group', 'group'),
  };
}

async function idOf(name: string, rootfs: string, file: 'passwd' | 'group', what: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  const text = await readInside(rootfs, file);
  const fields = text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
  if (!/^\d+$/.test(fields?.[2] ?? ''))
    throw unsupported(`init${what} '${name}': /etc/${file} of the container has none`);
  return Number(fields?.[2]);
}

/** A file of the container's /etc, whatever links the container may have put there: none is followed. */
async function readInside(rootfs: string, file: string): Promise<string> {
  const etc = join(rootfs, 'etc');
  try {
    if (!(await lstat(etc)).isDirectory()) return '';
    const handle = await open(
      join(etc, file),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const { size } = await handle.stat();
      if (size > FILE_BYTES) return '';
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    // Not there, or not a plain file: then no name is known.
    return '';
  }
}
