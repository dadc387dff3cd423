import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import { groupCounters } from './cgroup-counters.ts';
import { busiestTraffic } from './network.ts';
import { isPart, memoryCapacity, nodeCounters } from './node-counters.ts';
import { readStalls } from './pressure.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-load-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
}

const v1 = (): CgroupPaths => ({
  version: 'v1',
  dirs: { cpuacct: join(dir, 'cpuacct'), memory: join(dir, 'memory'), blkio: join(dir, 'blkio') },
});
const v2 = (): CgroupPaths => ({ version: 'v2', dirs: { unified: dir } });

describe('a cgroup', () => {
  it('of v1: CPU time, working set without idle page cache, bytes of all disks once', () => {
    put({
      'cpuacct/cpuacct.usage': '2500000000\n',
      'memory/memory.usage_in_bytes': '1000\n',
      'memory/memory.stat': 'cache 700\ninactive_file 1\ntotal_cache 700\ntotal_inactive_file 400\n',
      'blkio/blkio.throttle.io_service_bytes_recursive':
        '8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:16 Read 5\n8:16 Write 0\n8:0 Total 30\nTotal 35\n',
    });
    expect(groupCounters(v1())).toEqual({ cpuMs: 2_500, memoryBytes: 600, ioBytes: 35 });
  });

  it('of v2', () => {
    put({
      'cpu.stat': 'usage_usec 2500000\nuser_usec 1\n',
      'memory.current': '1000\n',
      'memory.stat': 'anon 600\ninactive_file 400\n',
      'io.stat':
        '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=99 dios=0\n8:16 rbytes=5 wbytes=0 rios=1 wios=0\n',
    });
    expect(groupCounters(v2())).toEqual({ cpuMs: 2_500, memoryBytes: 600, ioBytes: 35 });
  });

  it('without its controllers, or gone: nothing', () => {
    for (const paths of [v1(), v2()])
      expect(groupCounters(paths)).toEqual({ cpuMs: 0, memoryBytes: 0, ioBytes: 0 });
  });
});

describe('a network namespace', () => {
  it('is as busy as its busiest interface, loopback left out', () => {
    put({
      'self/net/dev': `Inter-|   Receive |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 900000 1 0 0 0 0 0 0 900000 1 0 0 0 0 0 0
  eth0:     70 1 0 0 0 0 0 0     30 1 0 0 0 0 0 0
   br0:     60 1 0 0 0 0 0 0     30 1 0 0 0 0 0 0
`,
    });
    expect(busiestTraffic('self', dir)).toEqual({ receivedBytes: 70, sentBytes: 30 });
    expect(busiestTraffic(1, dir)).toEqual({ receivedBytes: 0, sentBytes: 0 });
  });
});

describe('the node', () => {
  const machine = {
    stat: 'cpu  100 10 20 5000 900 0 3 2 50 0\ncpu0 1 2 3\n',
    meminfo: 'MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB\n',
    diskstats: `   7       0 loop0 9 9 9 9 9 9 9 9 0 0 0
   8       0 sda 1 0 100 0 1 0 50 0 0 0 0
   8       1 sda1 1 0 100 0 1 0 50 0 0 0 0
 259       0 nvme0n1 1 0 4 0 1 0 6 0 0 0 0
 259       1 nvme0n1p1 1 0 4 0 1 0 6 0 0 0 0
`,
  };

  it('is its machine: busy time without idle and guests, disks without their parts', () => {
    put(machine);
    expect(nodeCounters(v2(), dir)).toMatchObject({
      cpuMs: 1_350,
      memoryBytes: 400 * 1024,
      ioBytes: 160 * 512,
    });
  });

  it('is its cgroup where it lives in one', () => {
    put({ ...machine, 'cgroup.type': 'domain\n', 'cpu.stat': 'usage_usec 7000\n', 'memory.max': '2048\n' });
    expect(isPart(v2())).toBe(true);
    expect(nodeCounters(v2(), dir).cpuMs).toBe(7);
    expect(memoryCapacity(v2(), 4096)).toBe(2048);
  });

  it('takes the top of a whole v1 hierarchy for a machine, and no limit for all memory', () => {
    put({ 'memory/memory.stat': 'cache 1\n', 'memory/memory.limit_in_bytes': '9223372036854771712\n' });
    expect(isPart(v1())).toBe(true);
    expect(memoryCapacity(v1(), 4096)).toBe(4096);
    put({ 'memory/cgroup.sane_behavior': '0\n' });
    expect(isPart(v1())).toBe(false);
  });
});

describe('pressure', () => {
  const line = (total: number) =>
    `some avg10=0.00 avg60=0.06 avg300=2.54 total=${total}\nfull avg10=0.00 total=9\n`;

  it("is the node's own cgroup's, else the machine's", () => {
    put({ 'pressure/cpu': line(1_000), 'pressure/memory': line(2_000), 'pressure/io': line(3_000) });
    expect(readStalls(undefined, dir)).toEqual({ cpuMs: 1, memoryMs: 2, ioMs: 3 });
    put({ 'own/cpu.pressure': line(7_000) });
    expect(readStalls(join(dir, 'own'), dir)).toEqual({ cpuMs: 7, memoryMs: 2, ioMs: 3 });
  });

  it('is not known on a kernel without PSI', () => {
    expect(readStalls(undefined, dir)).toBeUndefined();
    put({ 'pressure/cpu': line(1), 'pressure/memory': line(1) });
    expect(readStalls(undefined, dir)).toBeUndefined();
  });
});
