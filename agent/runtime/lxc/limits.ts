import { existsSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readCgroupFile } from '../../host/cgroup-tree.ts';
import { deviceNumber } from '../../host/device-number.ts';
import { hostFailed } from '../../host/failure.ts';
import { kernelDirs } from '../../host/kernel-text.ts';
import type { CgroupPaths } from '../runtime.ts';
import { type Limits, limitFiles } from './limit-files.ts';

/** What the kernel has where nobody set anything. */
const DEFAULTS: Readonly<Record<string, string>> = {
  cpuShares: '1024',
  cpuWeight: '100',
  blkioWeight: '500',
};

/** Further limits, each by the name it is told by: its controller and file in v1, its file in v2. */
const READ: readonly (readonly [name: string, controller: string, v1: string, v2: string])[] = [
  ['memorySoftBytes', 'memory', 'memory.soft_limit_in_bytes', 'memory.high'],
  ['memorySwapBytes', 'memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max'],
  ['cpuShares', 'cpu', 'cpu.shares', ''],
  ['cpuWeight', 'cpu', '', 'cpu.weight'],
  ['processors', 'cpuset', 'cpuset.cpus', 'cpuset.cpus'],
  ['memoryNodes', 'cpuset', 'cpuset.mems', 'cpuset.mems'],
  ['blkioWeight', 'blkio', 'blkio.weight', 'io.weight'],
  ['readBytesSec', 'blkio', 'blkio.throttle.read_bps_device', ''],
  ['writeBytesSec', 'blkio', 'blkio.throttle.write_bps_device', ''],
  ['readIopsSec', 'blkio', 'blkio.throttle.read_iops_device', ''],
  ['writeIopsSec', 'blkio', 'blkio.throttle.write_iops_device', ''],
  ['ioMax', 'blkio', '', 'io.max'],
];

/**
 * Writes the limits of the spec straight into a container's cgroup. Its device rules (cgroup v1) stay as they are where some have
 * been set already (wrap-criu.ts), and where groups below have been made: then the kernel takes no rule about all devices any more.
 * @throws GodwitError HOST_FAILED
 */
export async function writeLimits(paths: CgroupPaths, spec: Limits): Promise<void> {
  const { devices } = paths.dirs;
  const takesRules = devices === undefined || (await takesDeviceRules(devices));
  const wanted = limitFiles(spec, paths.version, await deviceNumbers(spec)).filter(
    ({ controller }) => controller !== 'devices' || takesRules,
  );
  // In order within a controller: one of its limits may have to be below another.
  const controllers = [...new Set(wanted.map(({ controller }) => controller))];
  await Promise.all(
    controllers.map((name) =>
      writeInTurn(
        paths,
        wanted.filter(({ controller }) => controller === name),
      ),
    ),
  );
}

async function writeInTurn(paths: CgroupPaths, wanted: ReturnType<typeof limitFiles>): Promise<void> {
  for (const { controller, files, value } of wanted) {
    const dir = paths.dirs[controller];
    if (dir === undefined) throw hostFailed(`setting ${files[0]}`, `there is no ${controller} cgroup`);
    const file = join(dir, files.find((name) => existsSync(join(dir, name))) ?? files[0]);
    try {
      await writeFile(file, value, { flag: 'r+' });
    } catch (error) {
      throw hostFailed(`writing ${value} to ${file}`, error);
    }
  }
}

async function takesDeviceRules(dir: string): Promise<boolean> {
  // A new group has its parent's.
  const unset = (await readIn(dir, 'devices.list')) === (await readIn(dirname(dir), 'devices.list'));
  return unset && kernelDirs(dir).length === 0;
}

/** `major:minor` of each block device the limits name. @throws GodwitError HOST_FAILED */
export async function deviceNumbers({ blkiotune }: Pick<Limits, 'blkiotune'>): Promise<Map<string, string>> {
  const numbers = new Map<string, string>();
  for (const { path } of blkiotune?.devices ?? []) {
    const node = await stat(path).catch((error: unknown) => {
      throw hostFailed(`looking at ${path}`, error);
    });
    if (!node.isBlockDevice()) throw hostFailed(`limiting ${path}`, 'it is not a block device');
    numbers.set(path, deviceNumber(node.rdev));
  }
  return numbers;
}

/**
 * The limits as the kernel has them: `memoryBytes`, `cpuQuotaUs`, `cpuPeriodUs`, `max` where there is none; and those of
 * the others that are not what a new cgroup has.
 */
export async function readLimitsOf(paths: CgroupPaths): Promise<Record<string, string | number>> {
  const more: Record<string, string | number> = {};
  for (const [name, controller, v1, v2] of READ) {
    const [dir, file] = paths.version === 'v1' ? [paths.dirs[controller], v1] : [paths.dirs.unified, v2];
    const text = dir === undefined || file === '' ? '' : await readIn(dir, file);
    if (text === '' || text === DEFAULTS[name] || limit(text) === 'max') continue;
    // In v1 a group has its parent's processors and nodes until somebody chooses.
    if (controller === 'cpuset' && dir !== undefined && text === (await readIn(dirname(dir), file))) continue;
    more[name] = controller === 'cpuset' ? text : limit(text);
  }
  if (paths.version === 'v1') {
    return {
      memoryBytes: limit(await read(paths, 'memory', 'memory.limit_in_bytes')),
      cpuQuotaUs: limit(await read(paths, 'cpu', 'cpu.cfs_quota_us')),
      cpuPeriodUs: limit(await read(paths, 'cpu', 'cpu.cfs_period_us')),
      ...more,
    };
  }
  const [quota, period] = (await read(paths, 'unified', 'cpu.max')).split(' ');
  return {
    memoryBytes: limit(await read(paths, 'unified', 'memory.max')),
    cpuQuotaUs: limit(quota ?? ''),
    cpuPeriodUs: limit(period ?? ''),
    ...more,
  };
}

/** v1 says -1 or the largest page-aligned number for "none", v2 says max; a list or a device's rate is no number. */
function limit(text: string): string | number {
  const value = Number(text);
  if (text === '' || value < 0 || value >= Number.MAX_SAFE_INTEGER) return 'max';
  return Number.isNaN(value) ? text : value;
}

async function read(paths: CgroupPaths, controller: string, name: string): Promise<string> {
  const dir = paths.dirs[controller];
  return dir === undefined ? '' : readIn(dir, name);
}

async function readIn(dir: string, name: string): Promise<string> {
  return (await readCgroupFile(join(dir, name))) ?? '';
}
