import { openInside, readEntry } from '../host/inside.ts';

/** Where distributions have systemd; `/sbin/init` is a link to it. */
const HOMES = [
  ['usr', 'lib', 'systemd'],
  ['lib', 'systemd'],
];
const INITS = /^\/(usr\/)?(sbin\/init|lib\/systemd\/systemd)$/;

/** What a root starts as its init. @throws the kernel's error when the root cannot be read */
export async function initKind(root: string, init: string): Promise<'systemd' | 'other'> {
  if (!INITS.test(init)) return 'other';
  for (const home of HOMES) {
    // Where /lib is a link, the first of them is the one.
    const directory = await openInside(root, home).catch((error: unknown) => {
      if (home.length > 2) throw error;
      return undefined;
    });
    if (!directory) continue;
    try {
      if (await readEntry(directory, 'systemd', 1)) return 'systemd';
    } finally {
      await directory.close();
    }
  }
  return 'other';
}
