import { LIMITS } from '../limits.ts';
import type { DomainChildren } from './children.ts';
import { defined } from './defined.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf, plainText } from './element.ts';
import { readNumberList } from './number-list.ts';
import type { Problems } from './problems.ts';
import type { BlkioDeviceSpec, CputuneSpec, DomainSpec, NumatuneSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readInteger, readPath } from './values.ts';

const WEIGHT = { min: 100, max: 1_000 };
const SHARES = { min: 2, max: 262_144 };
const PERIOD_US = { min: 1_000, max: 1_000_000 };
const QUOTA_US = { min: 1_000, max: 17_592_186_044_415 };
const OPERATIONS = { min: 0, max: 4_294_967_295 };
const BYTES = { min: 0, max: Number.MAX_SAFE_INTEGER };
const RATES = {
  read_iops_sec: 'one',
  write_iops_sec: 'one',
  read_bytes_sec: 'one',
  write_bytes_sec: 'one',
} as const;
const DEVICE = { path: 'one', weight: 'one', ...RATES } as const;

type Tuning = Pick<DomainSpec, 'cputune' | 'numatune' | 'blkiotune'>;

/** Reads how the container shares processors, memory nodes and disks with others. */
export function readTuning(children: DomainChildren, problems: Problems): Tuning {
  const [cputune] = children.cputune.map((element) => readCputune(element, problems));
  const [numatune] = children.numatune.map((element) => readNumatune(element, problems));
  const [blkiotune] = children.blkiotune.map((element) => readBlkiotune(element, problems));
  return {
    ...(cputune && Object.keys(cputune).length > 0 ? { cputune } : {}),
    ...(numatune ? { numatune } : {}),
    ...(blkiotune && (blkiotune.weight !== undefined || blkiotune.devices.length > 0) ? { blkiotune } : {}),
  };
}

function readCputune(element: XmlElement, problems: Problems): CputuneSpec {
  attributesOf(element, {}, problems);
  const children = childrenOf(element, { shares: 'one', period: 'one', quota: 'one' }, problems);
  const [shares] = children.shares.map((one) => readNumber(one, SHARES, problems));
  const [periodUs] = children.period.map((one) => readNumber(one, PERIOD_US, problems));
  const [quotaUs] = children.quota.map((one) => readQuota(one, problems));
  return defined({ shares, periodUs, quotaUs });
}

/** As with libvirt, a negative quota lifts the limit, and 0 says nothing. */
function readQuota(element: XmlElement, problems: Problems): CputuneSpec['quotaUs'] {
  const text = plainText(element, problems).trim();
  if (/^-\d{1,16}$/.test(text)) return 'none';
  return text === '0' ? undefined : readInteger(text, '<quota>', QUOTA_US, element.offset, problems);
}

/** Both modes bind by cgroup: libvirt's `restrictive` by that alone, and for `strict` that is enough. */
function readNumatune(element: XmlElement, problems: Problems): NumatuneSpec | undefined {
  attributesOf(element, {}, problems);
  const [memory] = childrenOf(element, { memory: 'one' }, problems).memory;
  if (!memory) return undefined;
  checkEmpty(memory, problems);
  const values = attributesOf(memory, { required: ['nodeset'], optional: ['mode', 'placement'] }, problems);
  const at = (name: string) => offsetOf(memory, name);
  readChoice(values.placement ?? 'static', ['static'], 'the memory placement', at('placement'), problems);
  return {
    mode: readChoice(
      values.mode ?? 'strict',
      ['strict', 'restrictive'],
      'the NUMA mode',
      at('mode'),
      problems,
    ),
    nodeset:
      values.nodeset === ''
        ? '0'
        : readNumberList(values.nodeset, 'the nodeset', LIMITS.numaNodes, at('nodeset'), problems),
  };
}

function readBlkiotune(element: XmlElement, problems: Problems): NonNullable<Tuning['blkiotune']> {
  attributesOf(element, {}, problems);
  const children = childrenOf(element, { weight: 'one', device: 'many' }, problems);
  const extra = children.device[LIMITS.blkioDevices];
  if (extra) problems.refuse(extra.offset, `more than ${LIMITS.blkioDevices} <device> elements`);
  const [weight] = children.weight.map((one) => readNumber(one, WEIGHT, problems));
  const seen = new Set<string>();
  const devices = children.device.map((one) => {
    const device = readBlkioDevice(one, problems);
    if (seen.has(device.path)) problems.refuse(one.offset, `a second <device> for ${device.path}`);
    seen.add(device.path);
    return device;
  });
  return { ...defined({ weight }), devices };
}

/** As with libvirt, 0 as a rate says nothing. */
function readBlkioDevice(element: XmlElement, problems: Problems): BlkioDeviceSpec {
  attributesOf(element, {}, problems);
  const children = childrenOf(element, DEVICE, problems);
  const [path] = children.path;
  if (!path) problems.refuse(element.offset, '<device> needs <path>');
  const rate = (name: keyof typeof RATES) => {
    const bounds = name.includes('iops') ? OPERATIONS : BYTES;
    return children[name].map((one) => readNumber(one, bounds, problems))[0] || undefined;
  };
  return {
    path: path ? readPath(plainText(path, problems), 'the device', path.offset, problems) : '',
    ...defined({
      weight: children.weight.map((one) => readNumber(one, WEIGHT, problems))[0],
      readIopsSec: rate('read_iops_sec'),
      writeIopsSec: rate('write_iops_sec'),
      readBytesSec: rate('read_bytes_sec'),
      writeBytesSec: rate('write_bytes_sec'),
    }),
  };
}

function readNumber(
  element: XmlElement,
  bounds: { readonly min: number; readonly max: number },
  problems: Problems,
): number {
  return readInteger(plainText(element, problems), `<${element.tag}>`, bounds, element.offset, problems);
}
