import { join } from 'node:path';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { hostFailed } from './failure.ts';
import { kernelText } from './kernel-text.ts';

/** One mounted cgroup hierarchy. `controllers` is empty for cgroup2; `name=systemd` for a named v1 hierarchy. */
export interface Hierarchy {
  readonly version: 'v1' | 'v2';
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** What `/` of the mount is in the reader's cgroup namespace; other than `/` only without a namespace of one's own. */
  readonly root: string;
}

/** One line of /proc/PID/cgroup. */
export interface Membership {
  readonly controllers: readonly string[];
  readonly path: string;
}

/** The cgroup hierarchies mounted in this mount namespace. @throws GodwitError HOST_FAILED */
export async function cgroupHierarchies(proc = '/proc'): Promise<Hierarchy[]> {
  const text = read(join(proc, 'self/mountinfo'), 'reading the cgroup mounts');
  return parseMountinfo(text);
}

/** `v2` where cgroup2 alone carries the controllers; `v1` covers the hybrid layout too. @throws GodwitError HOST_FAILED */
export async function cgroupVersion(proc = '/proc'): Promise<'v1' | 'v2'> {
  return versionOf(await cgroupHierarchies(proc));
}

/** Where device rules are files; undefined with cgroup v2, where they are a program. @throws GodwitError HOST_FAILED */
export async function deviceHierarchy(proc = '/proc'): Promise<Hierarchy | undefined> {
  const hierarchies = await cgroupHierarchies(proc);
  return versionOf(hierarchies) === 'v1' ? find(hierarchies, ['devices']) : undefined;
}

/**
 * Where a process' cgroup lies, as directories. `cut` shortens each path to the ancestor it names, so that a container
 * whose init moved itself into a child group (systemd does) is still taken as a whole.
 * @throws GodwitError HOST_FAILED (the process is gone, or no cgroup hierarchy is mounted)
 */
export async function cgroupOf(
  pid: number,
  options: { readonly cut?: (path: string) => string; readonly proc?: string } = {},
): Promise<CgroupPaths> {
  const { cut = (path) => path, proc = '/proc' } = options;
  const hierarchies = await cgroupHierarchies(proc);
  const version = versionOf(hierarchies);
  const dirs: Record<string, string> = {};
  for (const { controllers, path } of await memberships(pid, proc)) {
    const hierarchy = find(hierarchies, controllers);
    if (!hierarchy) continue;
    const dir = join(hierarchy.mountPoint, inside(hierarchy.root, cut(path)));
    if (controllers.length === 0) dirs.unified = dir;
    else for (const controller of controllers) dirs[controller] = dir;
  }
  return { version, dirs };
}

/** The cgroup paths of a process as the kernel prints them, one a hierarchy. @throws GodwitError HOST_FAILED */
export async function memberships(pid: number | 'self', proc = '/proc'): Promise<Membership[]> {
  const text = read(join(proc, String(pid), 'cgroup'), `reading the cgroup of process ${pid}`);
  return parseMembership(text);
}

function parseMountinfo(text: string): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ');
    if (left === undefined || right === undefined) continue;
    const [, , , root = '/', mountPoint = ''] = left.split(' ');
    const [type, , superOptions = ''] = right.split(' ');
    if (type === 'cgroup2') add(found, { version: 'v2', controllers: [], mountPoint, root });
    if (type === 'cgroup') {
      const controllers = superOptions.split(',').filter((option) => !NOT_CONTROLLERS.has(option));
      add(found, { version: 'v1', controllers, mountPoint, root });
    }
  }
  return found;
}

/** The first mount of a hierarchy is the whole of it; later ones are parts, such as a file mounted over another. */
function add(found: Hierarchy[], hierarchy: Hierarchy): void {
  const controllers = hierarchy.controllers.join();
  if (!found.some((one) => one.version === hierarchy.version && one.controllers.join() === controllers))
    found.push(hierarchy);
}

const NOT_CONTROLLERS = new Set(['rw', 'ro', 'xattr', 'noprefix', 'clone_children', 'none', 'release_agent']);

function parseMembership(text: string): Membership[] {
  return text
    .split('\n')
    .map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, names = '', path = '/']) => ({ controllers: names ? names.split(',') : [], path }));
}

function versionOf(hierarchies: readonly Hierarchy[]): 'v1' | 'v2' {
  if (hierarchies.length === 0) throw hostFailed('finding the cgroup mounts', 'none is mounted');
  return hierarchies.some(({ version, controllers }) => version === 'v1' && controllers.includes('memory'))
    ? 'v1'
    : 'v2';
}

function find(hierarchies: readonly Hierarchy[], controllers: readonly string[]): Hierarchy | undefined {
  const [first] = controllers;
  return hierarchies.find((hierarchy) =>
    first === undefined ? hierarchy.version === 'v2' : hierarchy.controllers.includes(first),
  );
}

/** `path` seen from a mount whose top is `root`. */
function inside(root: string, path: string): string {
  if (root === '/' || !path.startsWith(root)) return path;
  return path.slice(root.length) || '/';
}

function read(file: string, action: string): string {
  try {
    return kernelText(file);
  } catch (error) {
    throw hostFailed(action, error);
  }
}
