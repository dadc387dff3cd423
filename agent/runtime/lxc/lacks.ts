import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatNumbers, numbersOf } from '../../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { readCgroupFile } from '../../host/cgroup-tree.ts';
import { appArmorEnabled } from '../../host/kernel.ts';
import type { CgroupPaths, Lack } from '../runtime.ts';
import { carriedWithout } from './carried-limits.ts';
import { limitFiles } from './limit-files.ts';
import { bridgeOf } from './network.ts';
import { lxcCgroupBase } from './payload.ts';
import type { LxcOptions } from './tool.ts';

const SELINUX = '/sys/fs/selinux/enforce';
/** Controllers of the unified hierarchy that limits need. */
const CONTROLLERS_V2: readonly string[] = ['memory', 'cpu', 'cpuset', 'io'];

/**
 * What this node would need to have so that it could run the container as described; empty when it has all of it. `carried`: files
 * of limits in its groups that a restore would write.
 */
export async function lacksOf(
  { networks = {} }: LxcOptions,
  spec: DomainSpec,
  carried: readonly string[] = [],
): Promise<Lack[]> {
  const base = await lxcCgroupBase();
  const [processors, nodes, limits] = await Promise.all([
    missing(base, 'cpus', spec.cpuset),
    missing(base, 'mems', spec.numatune?.nodeset),
    limitsWithout(base, spec),
  ]);
  const unknown = new Set(
    spec.interfaces.flatMap((nic) => (bridgeOf(nic, networks) === undefined ? (nic.network ?? []) : [])),
  );
  const label = await missingLabel(spec);
  const withoutFile = await carriedWithout(base, carried);
  return [
    ...[...unknown].map((what): Lack => ({ kind: 'network', what })),
    ...processors.map((what): Lack => ({ kind: 'topology', what: `processor ${what}` })),
    ...nodes.map((what): Lack => ({ kind: 'topology', what: `memory node ${what}` })),
    ...[...new Set([...limits, ...withoutFile])].map((what): Lack => ({ kind: 'limit', what })),
    ...(label === undefined ? [] : [{ kind: 'label', what: label } as const]),
  ];
}

/** Processors or memory nodes of the list that containers of this node do not get. */
async function missing(
  base: CgroupPaths,
  file: 'cpus' | 'mems',
  list: string | undefined,
): Promise<string[]> {
  if (list === undefined) return [];
  const there = new Set(numbersOf(await available(base, file)));
  const absent = numbersOf(list).filter((number) => !there.has(number));
  return absent.length === 0 ? [] : [formatNumbers(absent)];
}

async function available(base: CgroupPaths, file: 'cpus' | 'mems'): Promise<string> {
  const [dir, name] =
    base.version === 'v1'
      ? [base.dirs.cpuset, `cpuset.${file}`]
      : [base.dirs.unified, `cpuset.${file}.effective`];
  const text = dir === undefined ? undefined : await readCgroupFile(join(dir, name));
  if (text) return text;
  const online = file === 'cpus' ? '/sys/devices/system/cpu/online' : '/sys/devices/system/node/online';
  return (await readFile(online, 'utf8').catch(() => '0')).trim();
}

/** Limits that this kernel has no file for. v2's root group has no files; there it is asked for its controllers. */
async function limitsWithout(base: CgroupPaths, spec: DomainSpec): Promise<string[]> {
  const numbers = new Map((spec.blkiotune?.devices ?? []).map(({ path }) => [path, '0:0']));
  const wanted = limitFiles(spec, base.version, numbers);
  if (base.version === 'v1') {
    const absent = wanted.filter(({ controller, files }) => {
      const dir = base.dirs[controller];
      return dir === undefined || !files.some((name) => existsSync(join(dir, name)));
    });
    return [...new Set(absent.map(({ files }) => files[0]))];
  }
  const text = (await readCgroupFile(join(base.dirs.unified ?? '', 'cgroup.controllers'))) ?? '';
  const controllers = text.split(' ');
  const absent = wanted.filter(({ files }) => {
    const [name = ''] = files[0].split('.');
    return CONTROLLERS_V2.includes(name) && !controllers.includes(name);
  });
  return [...new Set(absent.map(({ files }) => files[0]))];
}

async function missingLabel({ seclabel }: DomainSpec): Promise<string | undefined> {
  if (seclabel?.model === 'apparmor' && !(await appArmorEnabled())) return 'AppArmor';
  if (seclabel?.model === 'selinux' && !existsSync(SELINUX)) return 'SELinux';
  return undefined;
}
