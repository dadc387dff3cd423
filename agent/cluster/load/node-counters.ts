import type { CgroupPaths } from '../../runtime/runtime.ts';
import { groupCounters } from './cgroup-counters.ts';
import { cgroupText, fieldOf, kernelText } from './files.ts';
import { busiestTraffic } from './network.ts';
import type { Counters } from './smooth.ts';

const SECTOR_BYTES = 512;
/** Linux' USER_HZ, in which /proc/stat counts. */
const TICK_MS = 10;
/** Disks whose traffic is that of others: memory, loops, and what is put together from disks. */
const NOT_DISKS = /^(ram|loop|zram|dm-|md|sr|fd)|\d+p\d+$|^[svxh]d[a-z]+\d+$/;

/**
 * What the whole node has used. A node that is itself in a cgroup namespace (a lab's, or an agent in a container) is that
 * cgroup; any other is its machine. @param top of the hierarchies, as this process sees them
 */
export function nodeCounters(top: CgroupPaths, proc = '/proc'): Counters {
  const traffic = busiestTraffic('self', proc);
  if (isPart(top)) return { ...groupCounters(top), ...traffic };
  const memory = kernelText(proc, 'meminfo');
  return {
    cpuMs: busyMs(kernelText(proc, 'stat')),
    memoryBytes: (meminfo(memory, 'MemTotal') - meminfo(memory, 'MemAvailable')) * 1024,
    ioBytes: diskBytes(kernelText(proc, 'diskstats')),
    ...traffic,
  };
}

/** Files that only the top of a whole machine has (v1), or only what is below it (v2). */
export function isPart(top: CgroupPaths): boolean {
  if (top.version === 'v2') return cgroupText(top, 'unified', 'cgroup.type') !== '';
  return (
    cgroupText(top, 'memory', 'memory.stat') !== '' &&
    cgroupText(top, 'memory', 'cgroup.sane_behavior') === ''
  );
}

/** The node's memory: what its cgroup may have, or else what the machine has. */
export function memoryCapacity(top: CgroupPaths, machineBytes: number): number {
  const text =
    cgroupText(top, 'memory', 'memory.limit_in_bytes') || cgroupText(top, 'unified', 'memory.max') || 'max';
  const limit = Number.parseInt(text, 10);
  return limit > 0 ? Math.min(limit, machineBytes) : machineBytes;
}

/** All states of `cpu …` but idle and iowait; guest time is in user time already. */
function busyMs(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(stat)?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}

function meminfo(text: string, name: string): number {
  return fieldOf(text.replaceAll(':', ' ').replaceAll(/ +/g, ' '), name);
}

function diskBytes(diskstats: string): number {
  let sectors = 0;
  for (const line of diskstats.split('\n')) {
    const [, , name = '', , , read = 0, , , , written = 0] = line.trim().split(/\s+/);
    if (name !== '' && !NOT_DISKS.test(name)) sectors += Number(read) + Number(written);
  }
  return sectors * SECTOR_BYTES;
}
