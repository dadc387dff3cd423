import type { FilesystemSpec, LxcSetting } from '../../../../protocol/mod.ts';
import { fromFstab } from '../mounts.ts';
import type { Basket } from './basket.ts';
import { parseSettings, type Setting } from './read.ts';
import { refused } from './refused.ts';

/** Kernel file systems that criu mounts anew inside the container. */
const VIRTUAL = ['proc', 'sysfs', 'tmpfs', 'mqueue'];
const SIZES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Mounts of a configuration: those that elements express, and lines that are kept as they are. */
export interface Mounts {
  readonly filesystems: readonly FilesystemSpec[];
  readonly kept: readonly LxcSetting[];
}

/** Takes `lxc.mount.entry` and the lines of the file that `lxc.mount.fstab` names. */
export async function takeMounts(
  basket: Basket,
  container: string,
  root: string,
  textOf: (file: string) => Promise<string>,
): Promise<Mounts> {
  const entries = basket.all('lxc.mount.entry');
  for (const setting of basket.all('lxc.mount.fstab'))
    entries.push(...(await fstabOf(setting, container, textOf)));
  const filesystems: FilesystemSpec[] = [];
  const kept: LxcSetting[] = [];
  for (const entry of entries) {
    const [source = '', rawTarget = '', type = '', rawOptions = 'defaults'] = entry.value
      .split(/[ \t]+/)
      .map(fromFstab);
    const target = inside(rawTarget, root);
    const options = rawOptions.split(',').filter((option) => option !== 'defaults' && option !== 'rw');
    const filesystem = target && filesystemOf(source, target, type, options);
    if (filesystem) filesystems.push(filesystem);
    else if (target && canBeKept(source, type, options))
      kept.push({ key: 'lxc.mount.entry', value: entry.value });
    else basket.refuse(entry, 'such a mount would not come through a move');
  }
  return { filesystems, kept };
}

function filesystemOf(
  source: string,
  target: string,
  type: string,
  options: readonly string[],
): FilesystemSpec | undefined {
  const size = /^size=(\d+)([kmg]?)$/i.exec(options.find((option) => option.startsWith('size=')) ?? '');
  const plain = options.filter(
    (option) => !/^(bind|rbind|ro|relative|create=(dir|file)|size=\d+[kmg]?)$/i.test(option),
  );
  const readonly = options.includes('ro');
  if (plain.length > 0) return undefined;
  if (type === 'tmpfs' && size?.[1] !== undefined) {
    return {
      type: 'ram',
      bytes: Number(size[1]) * (SIZES[(size[2] ?? '').toLowerCase()] ?? 1),
      target,
      readonly,
    };
  }
  if (!options.some((option) => option === 'bind' || option === 'rbind')) return undefined;
  if (options.includes('relative')) return { type: 'bind', source: `/${source}`, target, readonly };
  return source.startsWith('/') ? { type: 'mount', source, target, readonly } : undefined;
}

/** What has more options than an element can say: a bind that may be missing, a kernel file system. */
function canBeKept(source: string, type: string, options: readonly string[]): boolean {
  return VIRTUAL.includes(type) || (options.includes('bind') && source.startsWith('/'));
}

/** The target below the container's root; LXC also takes the whole path on the host. */
function inside(target: string, root: string): string | undefined {
  const path = target.startsWith(`${root}/`) ? target.slice(root.length) : target;
  if (path.split('/').includes('..')) return undefined;
  return path.startsWith('/') && path === target ? undefined : `/${path.replace(/^\/+|\/+$/g, '')}`;
}

async function fstabOf(
  setting: Setting,
  container: string,
  textOf: (file: string) => Promise<string>,
): Promise<Setting[]> {
  const text = await textOf(setting.value).catch((error: Error) => {
    throw refused(container, [{ file: setting.file, line: setting.line, problem: error.message }]);
  });
  // Each line as if it were a setting: the words of fstab hold no "=" that would matter.
  return text.split('\n').flatMap((line, index) =>
    line.trim() === '' || line.trim().startsWith('#')
      ? []
      : parseSettings(`lxc.mount.entry = ${line}`, setting.value, container).map((one) => ({
          ...one,
          line: index + 1,
        })),
  );
}
