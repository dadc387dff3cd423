import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cgroupTree, readCgroupFile } from '../../host/cgroup-tree.ts';
import { hostFailed } from '../../host/failure.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { CgroupPaths } from '../runtime.ts';
import type { Lxc } from './tool.ts';

/**
 * Limits that groups below a container's own may have, such as those of systemd's units. criu writes a value back as it was
 * read, once all tasks are there and before one runs. Not among them are those of devices (one line a device, which the kernel takes
 * one by one, and whose numbers are the node's) and cpusets (criu writes them before the group has that controller).
 */
const LIMITS = [
  'memory.max',
  'memory.high',
  'memory.low',
  'memory.min',
  'memory.swap.max',
  'memory.oom.group',
  'pids.max',
  'cpu.max',
] as const;
const WEIGHT = 'cpu.weight';

/**
 * What criu must be told so that it keeps the limits of a container's groups in cgroup v2: by itself it knows those of v1 only. It
 * looks them up by the name of a controller, and the hierarchy of v2 has the empty one, which its parser refuses: a name of
 * one NUL byte is the same to it. @throws GodwitError HOST_FAILED
 */
export async function groupLimits({ runDir }: Pick<Lxc, 'runDir'>, cgroup: CgroupPaths): Promise<string[]> {
  if (cgroup.version === 'v1') return [];
  // A group that only gets what others leave (cpu.idle) has the weight 0, which the kernel does not take.
  const idle = await hasIdle(freezerDir(cgroup));
  const file = join(runDir, idle ? 'group-limits.idle' : 'group-limits');
  await writeOnce(file, propertiesFile(idle ? LIMITS : [...LIMITS, WEIGHT]));
  return ['--cgroup-props-file', file];
}

const written = new Map<string, Promise<void>>();

/** Once while this agent lives: a criu may be reading it. */
function writeOnce(file: string, text: string): Promise<void> {
  const writing = written.get(file) ?? write(file, text);
  written.set(file, writing);
  writing.catch(() => written.delete(file));
  return writing;
}

async function write(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
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

async function hasIdle(dir: string): Promise<boolean> {
  for (const group of await cgroupTree(dir))
    if ((await readCgroupFile(join(group, WEIGHT))) === '0') return true;
  return false;
}
