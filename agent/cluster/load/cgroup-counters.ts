import type { CgroupPaths } from '../../runtime/runtime.ts';
import { cgroupText, fieldOf } from './files.ts';

/** What a cgroup and all below it have used, on cgroup v1 and v2 alike. Zero where a controller is missing. */
export interface GroupCounters {
  readonly cpuMs: number;
  /** Its working set: everything charged to it but page cache that nobody has used for a while. */
  readonly memoryBytes: number;
  readonly ioBytes: number;
}

export function groupCounters(paths: CgroupPaths): GroupCounters {
  return paths.version === 'v1' ? countersOfV1(paths) : countersOfV2(paths);
}

function countersOfV1(paths: CgroupPaths): GroupCounters {
  const stat = cgroupText(paths, 'memory', 'memory.stat');
  const used = Number(cgroupText(paths, 'memory', 'memory.usage_in_bytes') || 0);
  return {
    cpuMs: Number(cgroupText(paths, 'cpuacct', 'cpuacct.usage') || 0) / 1e6,
    memoryBytes: Math.max(0, used - fieldOf(stat, 'total_inactive_file')),
    ioBytes: ioBytesOfV1(cgroupText(paths, 'blkio', 'blkio.throttle.io_service_bytes_recursive')),
  };
}

function countersOfV2(paths: CgroupPaths): GroupCounters {
  const stat = cgroupText(paths, 'unified', 'memory.stat');
  const used = Number(cgroupText(paths, 'unified', 'memory.current') || 0);
  return {
    cpuMs: fieldOf(cgroupText(paths, 'unified', 'cpu.stat'), 'usage_usec') / 1e3,
    memoryBytes: Math.max(0, used - fieldOf(stat, 'inactive_file')),
    ioBytes: ioBytesOfV2(cgroupText(paths, 'unified', 'io.stat')),
  };
}

/** Lines of `8:0 Read 4096`, and a last `Total`, which counts discards too. */
function ioBytesOfV1(text: string): number {
  return sum([...text.matchAll(/^\S+ (?:Read|Write) (\d+)$/gm)]);
}

/** Lines of `8:0 rbytes=4096 wbytes=0 rios=1 …`. */
function ioBytesOfV2(text: string): number {
  return sum([...text.matchAll(/\b[rw]bytes=(\d+)/g)]);
}

function sum(matches: readonly RegExpMatchArray[]): number {
  return matches.reduce((total, [, digits]) => total + Number(digits), 0);
}
