import { kernelText } from './files.ts';
import type { Stalls } from './smooth.ts';

/**
 * For how long some task waited for CPU, memory or I/O (PSI). A node that is itself a cgroup asks that one, others the whole
 * machine. Undefined where the kernel has no PSI (CONFIG_PSI off, or booted with psi=0): pressure then counts as none, and
 * use alone decides. @param group directory of the node's cgroup2
 */
export function readStalls(group: string | undefined, proc = '/proc'): Stalls | undefined {
  const read = (name: string) => {
    const own = group === undefined ? '' : kernelText(group, `${name}.pressure`);
    return stalledMs(own || kernelText(proc, 'pressure', name));
  };
  const [cpuMs, memoryMs, ioMs] = [read('cpu'), read('memory'), read('io')];
  if (cpuMs === undefined || memoryMs === undefined || ioMs === undefined) return undefined;
  return { cpuMs, memoryMs, ioMs };
}

/** `some avg10=0.00 avg60=0.06 avg300=2.54 total=7583625255`, in microseconds. */
function stalledMs(text: string): number | undefined {
  const total = /^some .*\btotal=(\d+)$/m.exec(text)?.[1];
  return total === undefined ? undefined : Number(total) / 1e3;
}
