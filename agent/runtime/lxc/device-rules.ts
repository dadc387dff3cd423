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
const MAKING = ['c *:* m', 'b *:* m'] as const;

/** What is in force while a container is restored: its rules, in their order, and leave to make nodes where they give none. */
export function rulesOfRestore(spec: Limits): DeviceRule[] {
  return [...rulesOf(spec), ...makingOnly(spec).map((value) => ({ file: 'devices.allow', value }))];
}

/** Takes that leave back: the tasks run. Groups below lose it, too. @throws GodwitError HOST_FAILED */
export async function endRulesOfRestore({ version, dirs }: CgroupPaths, spec: Limits): Promise<void> {
  if (version !== 'v1' || dirs.devices === undefined) return;
  const file = join(dirs.devices, 'devices.deny');
  for (const value of makingOnly(spec))
    await writeFile(file, value, { flag: 'r+' }).catch((error: unknown) => {
      throw hostFailed(`writing ${value} to ${file}`, error);
    });
}

function makingOnly(spec: Limits): string[] {
  const rules = rulesOf(spec);
  const has = (kind: string, wanted: string) =>
    rules.some(({ file, value }) => file === `devices.${kind}` && value.trim() === wanted);
  return has('deny', 'a') ? MAKING.filter((value) => !has('allow', value)) : [];
}

function rulesOf(spec: Limits): DeviceRule[] {
  return limitFiles(spec, 'v1', new Map())
    .filter(({ controller }) => controller === 'devices')
    .map(({ files: [file], value }) => ({ file, value }));
}
