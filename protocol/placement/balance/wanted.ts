import { type Capacity, loadOf, type NodeLoad, type Usage } from '../load.ts';

/** Nobody knows how much more what waits would use; more than this is no guess any more. */
const FACTOR_MAX = 2;

/**
 * What a container would use if nothing on its node had to wait: its share of what is wanted of processors and disks beyond what
 * they give. Memory and network are as they are. Pure.
 */
export function wantedUsage(usage: Usage, { use, pressure }: NodeLoad, capacity: Capacity): Usage {
  const share = loadOf(usage, capacity);
  const factor = (component: 'cpu' | 'io') => {
    const used = Math.max(use[component], share[component]);
    return used === 0 ? 1 : Math.min(FACTOR_MAX, 1 + pressure[component] / used);
  };
  return {
    ...usage,
    cpus: usage.cpus * factor('cpu'),
    ioBytesPerSecond: usage.ioBytesPerSecond * factor('io'),
  };
}
