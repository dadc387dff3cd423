import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cgroupTree, readCgroupFile } from '../../host/cgroup-tree.ts';
import { hostFailed } from '../../host/failure.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { CgroupPaths } from '../runtime.ts';
import type { Lxc } from './tool.ts';

/** In the groups of kernels that count swap. */
export const SWAP = 'memory.swap.max';
const WEIGHT = 'cpu.weight';
/**
 * No limit: criu neither reads nor writes what is in it, but puts back whose it is, which in v1 it does by itself. Without it only the
 * node's root moves a process between groups, and no unit starts any more in a container with mapped users.
 */
const MEMBERS = 'cgroup.procs';
/**
 * Limits that groups below a container's own may have, such as those of systemd's units. criu writes a value back as it was
 * read, once all tasks are there and before one runs. Not among them are those of devices (one line a device, which the kernel takes
 * one by one, and whose numbers are the node's) and cpusets (criu writes them before the group has that controller).
 */
const LIMITS: readonly string[] = [
  'memory.max',
  'memory.high',
  'memory.low',
  'memory.min',
  SWAP,
  'memory.oom.group',
  'pids.max',
  'cpu.max',
  WEIGHT,
];

/** Files that criu carries in v1, set or not, and that only some kernels have. */
const OPTIONAL_V1: readonly string[] = [
  'memory.memsw.limit_in_bytes',
  'memory.kmem.limit_in_bytes',
  'memory.kmem.tcp.limit_in_bytes',
  'memory.move_charge_at_immigrate',
  'memory.soft_limit_in_bytes',
  'memory.swappiness',
  'cpu.cfs_period_us',
  'cpu.cfs_quota_us',
  'cpu.rt_period_us',
  'cpu.rt_runtime_us',
];

/** The limits of a container's groups, and of those below it. */
export interface GroupLimits {
  /** For criu's dump. */
  readonly args: readonly string[];
  /** Files that the restore writes: it fails on a node that does not have one. */
  readonly files: readonly string[];
}

/**
 * What criu must be told so that it keeps the limits of a container's groups in cgroup v2, and who may move processes between them: by
 * itself it knows those of v1 only. It looks them up by the name of a controller, and the hierarchy of v2, which a node with v1 may have
 * besides, has the empty one, which its parser refuses: a name of one NUL byte is the same to it. @throws GodwitError HOST_FAILED
 */
export async function groupLimits(
  { runDir }: Pick<Lxc, 'runDir'>,
  cgroup: CgroupPaths,
): Promise<GroupLimits> {
  if (cgroup.version === 'v1')
    return {
      args: cgroup.dirs.unified === undefined ? [] : await toldTo(runDir, 'group-members', [MEMBERS]),
      files: OPTIONAL_V1.filter((name) => hasFile(cgroup, name)),
    };
  const groups = await cgroupTree(freezerDir(cgroup));
  const left: string[] = [];
  // A kernel that does not count swap has no such file, and takes no container that has a limit of it.
  if (!(await someHave(groups, SWAP, (value) => value !== 'max'))) left.push(SWAP);
  // A group that only gets what others leave (cpu.idle) has the weight 0, which the kernel does not take.
  if (await someHave(groups, WEIGHT, (value) => value === '0')) left.push(WEIGHT);
  const names = LIMITS.filter((name) => !left.includes(name));
  const carried = names.filter((name) => groups.some((group) => existsSync(join(group, name))));
  const args = await toldTo(runDir, ['group-limits', ...left].join('-'), [MEMBERS, ...names]);
  return { args, files: carried };
}

async function toldTo(runDir: string, name: string, properties: readonly string[]): Promise<string[]> {
  const file = join(runDir, name);
  await write(file, propertiesFile(properties));
  return ['--cgroup-props-file', file];
}

/** Whether a group of v1 has a file, which begins with its controller's name. */
export function hasFile({ dirs }: CgroupPaths, name: string): boolean {
  const [controller = ''] = name.split('.');
  const dir = dirs[controller];
  return dir !== undefined && existsSync(join(dir, name));
}

async function someHave(
  groups: readonly string[],
  name: string,
  fits: (value: string) => boolean,
): Promise<boolean> {
  for (const group of groups) {
    const value = await readCgroupFile(join(group, name));
    if (value !== undefined && fits(value)) return true;
  }
  return false;
}

let drafts = 0;

/** Each time, for somebody may have tidied up; a criu that reads keeps the file it has opened. */
async function write(file: string, text: string): Promise<void> {
  drafts += 1;
  const draft = `${file}.${drafts}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/** In criu's own likeness of YAML, which takes no space more or less. */
export function propertiesFile(names: readonly string[]): string {
  const properties = names.map((name) => `"${name}"`).join(', ');
  return `"\0":\n - "strategy": "replace"\n - "properties": [${properties}]\n`;
}
