import type { BlkioDeviceSpec, DomainSpec } from '../../../protocol/mod.ts';

/** What of a description limits the container's cgroup. */
export type Limits = Pick<
  DomainSpec,
  'memoryBytes' | 'memtune' | 'vcpus' | 'cpuset' | 'cputune' | 'numatune' | 'blkiotune' | 'lxc'
>;

/** One value for one file of a cgroup. */
export interface LimitFile {
  /** `unified` in cgroup v2. */
  readonly controller: string;
  /** Names that the file has, depending on the kernel's I/O scheduler: the first that exists is written. */
  readonly files: readonly [string, ...string[]];
  readonly value: string;
}

const PERIOD_US = 100_000;

/**
 * The CPU time of a container: `<quota>` of each `<period>`, and without a quota N CPUs' worth for `<vcpu>N</vcpu>`. Not
 * a cpuset: a quota needs no choice of CPUs, means the same on every node however many CPUs it has, and lets the
 * scheduler balance.
 */
export function cpuMax({ vcpus, cputune = {} }: Pick<Limits, 'vcpus' | 'cputune'>): {
  readonly quotaUs: number | 'none';
  readonly periodUs: number;
} {
  const { periodUs = PERIOD_US, quotaUs = Math.round(vcpus * periodUs) } = cputune;
  return { quotaUs, periodUs };
}

/** v1's shares (2 to 262144, 1024 by default) on v2's scale (1 to 10000, 100 by default), as systemd and runc convert them. */
export function cpuWeight(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9_999) / 262_142);
}

/**
 * Every file to write for the limits of a container, in an order the kernel takes. `devices` has the numbers `major:minor`
 * of the block devices that the description names.
 */
export function limitFiles(
  spec: Limits,
  version: 'v1' | 'v2',
  devices: ReadonlyMap<string, string>,
): LimitFile[] {
  return [
    ...(version === 'v1' ? filesOfV1(spec, devices) : filesOfV2(spec, devices)),
    ...keptFiles(spec, version),
  ];
}

function filesOfV1(spec: Limits, devices: ReadonlyMap<string, string>): LimitFile[] {
  const { memtune = {}, cputune = {}, blkiotune } = spec;
  const { quotaUs, periodUs } = cpuMax(spec);
  return [
    ...one('memory', 'memory.limit_in_bytes', spec.memoryBytes),
    ...one('memory', 'memory.memsw.limit_in_bytes', memtune.swapLimitBytes),
    ...one('memory', 'memory.soft_limit_in_bytes', memtune.softLimitBytes),
    ...one('cpu', 'cpu.cfs_period_us', periodUs),
    ...one('cpu', 'cpu.cfs_quota_us', quotaUs === 'none' ? -1 : quotaUs),
    ...one('cpu', 'cpu.shares', cputune.shares),
    ...one('cpuset', 'cpuset.cpus', spec.cpuset),
    ...one('cpuset', 'cpuset.mems', spec.numatune?.nodeset),
    ...either('blkio', ['blkio.weight', 'blkio.bfq.weight'], blkiotune?.weight),
    ...(blkiotune?.devices ?? []).flatMap((device) => {
      const of = (value: number | undefined) =>
        value === undefined ? undefined : `${devices.get(device.path)} ${value}`;
      return [
        ...either('blkio', ['blkio.weight_device', 'blkio.bfq.weight_device'], of(device.weight)),
        ...one('blkio', 'blkio.throttle.read_bps_device', of(device.readBytesSec)),
        ...one('blkio', 'blkio.throttle.write_bps_device', of(device.writeBytesSec)),
        ...one('blkio', 'blkio.throttle.read_iops_device', of(device.readIopsSec)),
        ...one('blkio', 'blkio.throttle.write_iops_device', of(device.writeIopsSec)),
      ];
    }),
  ];
}

function filesOfV2(spec: Limits, devices: ReadonlyMap<string, string>): LimitFile[] {
  const { memtune = {}, cputune = {}, blkiotune } = spec;
  const { quotaUs, periodUs } = cpuMax(spec);
  const swap = memtune.swapLimitBytes;
  return [
    ...one('unified', 'memory.max', spec.memoryBytes),
    // v2 counts swap alone.
    ...one('unified', 'memory.swap.max', swap === undefined ? undefined : swap - spec.memoryBytes),
    ...one('unified', 'memory.high', memtune.softLimitBytes),
    ...one('unified', 'cpu.max', `${quotaUs === 'none' ? 'max' : quotaUs} ${periodUs}`),
    ...one('unified', 'cpu.weight', cputune.shares === undefined ? undefined : cpuWeight(cputune.shares)),
    ...one('unified', 'cpuset.cpus', spec.cpuset),
    ...one('unified', 'cpuset.mems', spec.numatune?.nodeset),
    ...either('unified', ['io.weight', 'io.bfq.weight'], blkiotune?.weight),
    ...(blkiotune?.devices ?? []).flatMap((device) => {
      const number = devices.get(device.path);
      const weight = device.weight === undefined ? undefined : `${number} ${device.weight}`;
      const rates = ioMax(device);
      return [
        ...either('unified', ['io.weight', 'io.bfq.weight'], weight),
        ...one('unified', 'io.max', rates === '' ? undefined : `${number} ${rates}`),
      ];
    }),
  ];
}

function ioMax(device: BlkioDeviceSpec): string {
  return Object.entries({
    rbps: device.readBytesSec,
    wbps: device.writeBytesSec,
    riops: device.readIopsSec,
    wiops: device.writeIopsSec,
  })
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`))
    .join(' ');
}

/** Limits that an adopted container had in LXC's own words. Device rules of v2 have no file: they are LXC's matter. */
function keptFiles({ lxc = [] }: Limits, version: 'v1' | 'v2'): LimitFile[] {
  const prefix = version === 'v1' ? 'lxc.cgroup.' : 'lxc.cgroup2.';
  return lxc.flatMap(({ key, value }) => {
    const file = key.startsWith(prefix) ? key.slice(prefix.length) : '';
    const [controller = ''] = file.split('.');
    if (file === '' || (version === 'v2' && controller === 'devices')) return [];
    return one(version === 'v1' ? controller : 'unified', file, value);
  });
}

function one(controller: string, file: string, value: string | number | undefined): LimitFile[] {
  return either(controller, [file], value);
}

function either(
  controller: string,
  files: readonly [string, ...string[]],
  value: string | number | undefined,
): LimitFile[] {
  return value === undefined ? [] : [{ controller, files, value: String(value) }];
}
