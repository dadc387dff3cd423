import { existsSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cgroupPids, cgroupTree, isGone } from '../../host/cgroup-tree.ts';
import { hasCode, hostFailed } from '../../host/failure.ts';
import { deleteLink, unmovedVeths } from '../../host/link.ts';
import { containersOf, hostVethPrefix, isHostVeth } from './names.ts';
import { lxcCgroupBase } from './payload.ts';
import type { Lxc } from './tool.ts';

/**
 * Removes cgroups and veths under names that nobody has defined here (see Runtime.sweepStrays). A container is defined before
 * it gets either, so they are listed first and the definitions looked at then.
 */
export async function sweepStrays(
  options: Lxc,
  isOurs: (name: string) => Promise<boolean>,
): Promise<string[]> {
  return [...(await sweepVeths(options)), ...(await sweepGroups(options, isOurs))];
}

async function sweepGroups({ lxcPath }: Lxc, isOurs: (name: string) => Promise<boolean>): Promise<string[]> {
  const isDefined = (name: string) => existsSync(join(lxcPath, name));
  const swept: string[] = [];
  for (const [group, dirs] of await groupsOfLxc()) {
    const names = containersOf(group);
    if (names.some(isDefined) || (await hasTasks(dirs))) continue;
    // Whoever answers for one of them answers for the group.
    const ours = await Promise.all(names.map(isOurs));
    if (!ours.includes(true) || names.some(isDefined)) continue;
    for (const dir of dirs) await removeEmpty(dir);
    if (!dirs.some(existsSync)) swept.push(group);
  }
  return swept;
}

/** LXC's groups by their name, with the directories of each in every hierarchy. */
async function groupsOfLxc(): Promise<Map<string, string[]>> {
  const { dirs } = await lxcCgroupBase();
  const groups = new Map<string, string[]>();
  for (const base of new Set(Object.values(dirs))) {
    for (const entry of await readdir(base).catch(() => []))
      if (containersOf(entry).length > 0)
        groups.set(entry, [...(groups.get(entry) ?? []), join(base, entry)]);
  }
  return groups;
}

/** A container's tasks and its monitor are alive together: where the one group has tasks, so has the other, or soon. */
async function hasTasks(dirs: readonly string[]): Promise<boolean> {
  for (const dir of dirs) {
    const twin = basename(dir).replace(/^lxc\.(payload|monitor)/, (_group, kind) =>
      kind === 'payload' ? 'lxc.monitor' : 'lxc.payload',
    );
    for (const group of [dir, join(dirname(dir), twin)])
      if ((await cgroupPids(group)).length > 0) return true;
  }
  return false;
}

/** One that got a task meanwhile stays. */
async function removeEmpty(dir: string): Promise<void> {
  for (const group of (await cgroupTree(dir)).reverse()) {
    try {
      await rmdir(group);
    } catch (error) {
      if (hasCode(error, 'EBUSY')) return;
      if (!isGone(error)) throw hostFailed(`removing the cgroup ${group}`, error);
    }
  }
}

async function sweepVeths({ lxcPath, runner }: Lxc): Promise<string[]> {
  const links = (await unmovedVeths(runner)).filter(isHostVeth);
  if (links.length === 0) return [];
  const prefixes = (await readdir(lxcPath).catch(() => [])).map(hostVethPrefix);
  const strays = links.filter((link) => !prefixes.some((prefix) => link.startsWith(prefix)));
  for (const link of strays) await deleteLink(runner, link);
  return strays;
}
