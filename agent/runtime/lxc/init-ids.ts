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
  policy,
}: Pick<DomainSpec, 'os' | 'root' | 'policy'>): Promise<{ uid: number; gid: number } | undefined> {
  if (!os.initUser) return undefined;
  const { user, group } = os.initUser;
  const layers = [root.source, ...(policy.lower ?? [])];
  return {
    uid: await idOf(user, layers, 'passwd', 'user'),
    gid: await idOf(group, layers, 'group', 'group'),
  };
}

async function idOf(
  name: string,
  layers: readonly string[],
  file: 'passwd' | 'group',
  what: string,
): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  const texts = await Promise.all(layers.map((layer) => readInside(layer, file)));
  // An upper file hides those below it.
  const text = texts.find((one) => one !== '') ?? '';
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
