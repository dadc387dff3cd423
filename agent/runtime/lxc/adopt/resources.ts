import type { DomainSpec, LxcSetting } from '../../../../protocol/mod.ts';
import type { Basket } from './basket.ts';

/** What the node has: the limit of whatever has none. */
export interface NodeSize {
  readonly memoryBytes: number;
  readonly cpus: number;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

type Resources = Pick<DomainSpec, 'memoryBytes' | 'vcpus' | 'cputune' | 'cpuset' | 'numatune'>;

/**
 * Takes the limits that elements express; other limits stay what they are, lines of LXC's. A limit that is in force goes
 * before the line, which LXC does not apply everywhere.
 */
export function takeResources(
  basket: Basket,
  version: 'v1' | 'v2',
  node: NodeSize,
  inForce: Readonly<Record<string, string | number>>,
): Resources & { readonly kept: readonly LxcSetting[] } {
  const other = version === 'v1' ? 'lxc.cgroup2.' : 'lxc.cgroup.';
  // Lines for the other version have no effect here; on a node of that version they will.
  const kept = basket.matching(({ key }) => key.startsWith(other) || isDeviceRule(key));
  const of = (v1: string, v2: string) =>
    basket.last(version === 'v1' ? `lxc.cgroup.${v1}` : `lxc.cgroup2.${v2}`);
  const number = (name: string) => (typeof inForce[name] === 'number' ? inForce[name] : undefined);
  const list = (name: string) => (inForce[name] === undefined ? undefined : String(inForce[name]));

  const memory = bytesOf(of('memory.limit_in_bytes', 'memory.max'));
  const cpuLine = of('cpuset.cpus', 'cpuset.cpus');
  const cpus = list('processors') ?? cpuLine;
  const memLine = of('cpuset.mems', 'cpuset.mems');
  const mems = list('memoryNodes') ?? memLine;
  const [max, maxPeriod] = version === 'v2' ? (of('', 'cpu.max')?.split(' ') ?? []) : [];
  const quota = version === 'v1' ? of('cpu.cfs_quota_us', '') : max;
  const period = version === 'v1' ? of('cpu.cfs_period_us', '') : maxPeriod;
  const quotaUs = number('cpuQuotaUs') ?? (Number(quota) > 0 ? Number(quota) : undefined);
  const periodUs = number('cpuPeriodUs') ?? (period === undefined ? undefined : Number(period));
  const shareLine = version === 'v1' ? of('cpu.shares', '') : undefined;
  const shares = number('cpuShares') ?? shareLine;
  return {
    memoryBytes: number('memoryBytes') ?? memory ?? node.memoryBytes,
    vcpus: quotaUs === undefined ? node.cpus : Math.max(1, Math.ceil(quotaUs / (periodUs ?? 100_000))),
    cputune: {
      ...(shares === undefined ? {} : { shares: Number(shares) }),
      ...(periodUs === undefined || quotaUs === undefined ? {} : { periodUs }),
      quotaUs: quotaUs ?? 'none',
    },
    ...(cpus === undefined ? {} : { cpuset: cpus }),
    ...(mems === undefined ? {} : { numatune: { mode: 'strict', nodeset: mems } }),
    kept: kept.map(({ key, value }) => ({ key, value })),
  };
}

function isDeviceRule(key: string): boolean {
  return /^lxc\.cgroup2?\.devices\./.test(key);
}

/** `512M`, `max`, `-1`: as LXC and the kernel write sizes. */
function bytesOf(text: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([kmgt]?)$/i.exec(text ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
}
