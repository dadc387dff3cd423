import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, hostFailed } from '../host/failure.ts';

/** The property of a cgroup in criu's cgroup.img (CgroupPropEntry): name, then value. */
const property = (value: string) => Buffer.from(`\x0a\x0dfreezer.state\x12\x06${value}`, 'latin1');
const FROZEN = property('FROZEN');
const THAWED = property('THAWED');

/**
 * Tells the images of a container that was frozen before criu came that it ran: else a restore would freeze it. Images without
 * cgroups stay as they are. @throws GodwitError HOST_FAILED
 */
export async function tellThawed(dir: string): Promise<void> {
  const file = join(dir, 'cgroup.img');
  try {
    const image = await readFile(file);
    let changed = false;
    for (let at = image.indexOf(FROZEN); at >= 0; at = image.indexOf(FROZEN, at)) {
      THAWED.copy(image, at);
      changed = true;
    }
    if (changed) await writeFile(file, image);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw hostFailed(`changing ${file}`, error);
  }
}
