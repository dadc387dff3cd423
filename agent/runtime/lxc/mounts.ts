import { posix } from 'node:path';
import type { DomainSpec, FilesystemSpec } from '../../../protocol/mod.ts';
import { unsupported } from './line.ts';

/** What a mount depends on besides the container: sources on the node that are not directories. */
export type FileSources = ReadonlySet<string>;

/** The values of `lxc.mount.entry`, in the order of the description. */
export function mountEntries(spec: DomainSpec, files: FileSources): string[] {
  return [
    ...spec.filesystems.map((filesystem) => mountEntry(filesystem, files)),
    ...(spec.hostdevs ?? []).map(({ path }) => {
      const source = cleanPath(path, 'device');
      return `${fstabWord(source)} ${fstabWord(source.slice(1))} none bind,create=file 0 0`;
    }),
  ];
}

/**
 * Targets, relative to the root, of mounts whose source lies outside the container: criu must be told of each. Of the
 * lines that an adopted container brought along, those with `optional` may not be there.
 */
export function externalMounts(spec: DomainSpec): string[] {
  const kept = (spec.lxc ?? []).filter(({ key }) => key === 'lxc.mount.entry');
  return [
    ...spec.filesystems
      .filter(({ type }) => type === 'mount')
      .map(({ target }) => cleanPath(target, 'filesystem target').slice(1)),
    ...(spec.hostdevs ?? []).map(({ path }) => cleanPath(path, 'device').slice(1)),
    ...kept.flatMap(({ value }) => {
      const [, target = '', , options = ''] = value.split(/\s+/);
      return options.split(',').includes('bind') ? fromFstab(target) : [];
    }),
  ];
}

/** An absolute path without `..`; criu's mount map separates its two halves by a colon. */
export function cleanPath(path: string, what: string): string {
  if (!path.startsWith('/') || path.split('/').includes('..') || /[:\0]/.test(path)) {
    throw unsupported(`${what} '${path}': it must be absolute, without '..' and ':'`);
  }
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

function mountEntry(filesystem: FilesystemSpec, files: FileSources): string {
  const target = fstabWord(cleanPath(filesystem.target, 'filesystem target').slice(1));
  const readonly = filesystem.readonly ? ['ro'] : [];
  if (filesystem.type === 'ram') {
    const options = [`size=${filesystem.bytes}`, ...readonly, 'create=dir'].join(',');
    return `tmpfs ${target} tmpfs ${options} 0 0`;
  }
  const source = cleanPath(filesystem.source, 'filesystem source');
  if (filesystem.type === 'bind') {
    // LXC takes such a source from the container's root, and follows no link out of it.
    const options = ['bind', 'relative', ...readonly, 'create=dir'].join(',');
    return `${fstabWord(source.slice(1))} ${target} none ${options} 0 0`;
  }
  const create = files.has(filesystem.source) ? 'create=file' : 'create=dir';
  return `${fstabWord(source)} ${target} none ${['bind', ...readonly, create].join(',')} 0 0`;
}

function fstabWord(path: string): string {
  return path.replaceAll(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** A word of fstab as the path it stands for. */
export function fromFstab(word: string): string {
  return word.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
