import { stat } from 'node:fs/promises';
import { LIMITS } from '../../../protocol/mod.ts';
import type { Proc } from './proc.ts';

/** Every `memory.events` of a container's groups by its inode; in cgroup v1 there is none. */
export async function findMemoryEvents(proc: Proc, groups: readonly string[]): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const left = groups.map((group) => ({ group, inside: '' }));
  for (let next = left.pop(), seen = 0; next && seen < LIMITS.lookTasks; next = left.pop(), seen++) {
    const { group, inside } = next;
    const status = await stat(proc.path(`${group}/memory.events`)).catch(() => undefined);
    if (status) found.set(status.ino, `${inside}/memory.events`);
    left.push(
      ...proc.directories(group).map((name) => ({ group: `${group}/${name}`, inside: `${inside}/${name}` })),
    );
  }
  return found;
}
