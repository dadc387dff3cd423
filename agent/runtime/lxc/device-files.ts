import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostFailed } from '../../host/failure.ts';
import type { CgroupPaths } from '../runtime.ts';
import { type Limits, limitFiles } from './limit-files.ts';

/** What is written to one of cgroup v1's `devices.` files. */
interface DeviceRule {
  readonly file: string;
  readonly value: string;
}

/** criu has the nodes in the container's /dev made anew, by a tar that is in the container's group already. */
const MAKING = { c: 'c *:* m', b: 'b *:* m' } as const;

/** What is in force while a container is restored: its rules, in their order, and leave to make nodes where they give none. */
export function rulesOfRestore(spec: Limits): DeviceRule[] {
  const rules = rulesOf(spec);
  return [...rules, ...makingOnly(rules).map((value) => ({ file: 'devices.allow', value }))];
}

/** Takes that leave back: the tasks run. Groups below lose it, too. @throws GodwitError HOST_FAILED */
export async function endRulesOfRestore({ version, dirs }: CgroupPaths, spec: Limits): Promise<void> {
  if (version !== 'v1' || dirs.devices === undefined) return;
  const file = join(dirs.devices, 'devices.deny');
  for (const value of makingOnly(rulesOf(spec)))
    await writeFile(file, value, { flag: 'r+' }).catch((error: unknown) => {
      throw hostFailed(`writing ${value} to ${file}`, error);
    });
}

/**
 * The leave that the rules do not give. The kernel makes one rule of all that have the same type and numbers: what one of the
 * container's own gives must not be taken back with it. A rule that begins with `a` is about all devices, whatever follows.
 */
function makingOnly(rules: readonly DeviceRule[]): string[] {
  let forbidden = false;
  let made = { c: false, b: false };
  for (const { file, value } of rules) {
    const allowed = file === 'devices.allow';
    const [, type, access = ''] = /^([abc])(?:\s+\*:\*\s+(\w+))?/.exec(value.trim()) ?? [];
    if (type === 'a') {
      forbidden = !allowed;
      made = { c: false, b: false };
    }
    if ((type === 'c' || type === 'b') && access.includes('m')) made[type] = allowed;
  }
  if (!forbidden) return [];
  return (['c', 'b'] as const).filter((type) => !made[type]).map((type) => MAKING[type]);
}

function rulesOf(spec: Limits): DeviceRule[] {
  return limitFiles(spec, 'v1', new Map())
    .filter(({ controller }) => controller === 'devices')
    .map(({ files: [file], value }) => ({ file, value }));
}
