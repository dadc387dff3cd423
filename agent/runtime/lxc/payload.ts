import { join } from 'node:path';
import { cgroupHierarchies, cgroupVersion, memberships } from '../../host/cgroup-paths.ts';
import { cgroupPids } from '../../host/cgroup-tree.ts';
import { freezerDir } from '../../host/freeze.ts';
import { kernelText } from '../../host/kernel-text.ts';
import type { CgroupPaths } from '../runtime.ts';
import { payloadGroup } from './names.ts';

let base: Promise<CgroupPaths> | undefined;

/**
 * Where LXC puts its groups: below the cgroup of the node's first process, systemd's init.scope left out. One directory
 * a hierarchy, by controller name, `unified` for cgroup2. Found once: hierarchies are mounted when a machine starts.
 */
export function lxcCgroupBase(): Promise<CgroupPaths> {
  base ??= findBase().catch((error: unknown) => {
    base = undefined;
    throw error;
  });
  return base;
}

async function findBase(): Promise<CgroupPaths> {
  const [hierarchies, first, version] = await Promise.all([
    cgroupHierarchies(),
    memberships(1),
    cgroupVersion(),
  ]);
  const dirs: Record<string, string> = {};
  for (const hierarchy of hierarchies) {
    const [name] = hierarchy.controllers;
    const own = first.find(({ controllers }) =>
      name === undefined ? controllers.length === 0 : controllers.includes(name),
    );
    const below = (own?.path ?? '/').replace(/\/init\.scope$/, '/');
    const dir = join(hierarchy.mountPoint, below.startsWith('/..') ? '/' : below);
    if (name === undefined) dirs.unified = dir;
    else for (const controller of hierarchy.controllers) dirs[controller] = dir;
  }
  return { version, dirs };
}

/** The directories of one group (such as lxc.payload.NAME) in every hierarchy, whether they exist or not. */
export async function lxcGroup(group: string): Promise<CgroupPaths> {
  const { version, dirs } = await lxcCgroupBase();
  return {
    version,
    dirs: Object.fromEntries(Object.entries(dirs).map(([name, dir]) => [name, join(dir, group)])),
  };
}

/** The payload group under its usual name when tasks are in it: no process is started to find out, fit for every second. */
export async function occupiedPayload(name: string): Promise<CgroupPaths | undefined> {
  const payload = await lxcGroup(payloadGroup(name));
  return (await cgroupPids(freezerDir(payload))).length > 0 ? payload : undefined;
}

/** A container's init found through its cgroup alone: the task that is pid 1 in its own pid namespace. */
export async function strayInit(name: string): Promise<number | undefined> {
  const pids = await cgroupPids(freezerDir(await lxcGroup(payloadGroup(name))));
  return pids.find(isInit);
}

function isInit(pid: number): boolean {
  const status = statusTextOf(pid);
  const ids = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split('\t') ?? [];
  return ids.length > 1 && ids.at(-1) === '1' && !/^State:\s*[ZX]/m.test(status);
}

function statusTextOf(pid: number): string {
  try {
    return kernelText(`/proc/${pid}/status`);
  } catch {
    return '';
  }
}
