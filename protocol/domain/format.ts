import { assert } from '../assert.ts';
import { deviceLines } from './format-devices.ts';
import { metadataLines } from './format-metadata.ts';
import { around, empty, maybe, nested, size, text } from './lines.ts';
import { CAPABILITIES } from './rights.ts';
import type { DomainSpec, IdRange } from './spec.ts';

/**
 * The domain XML of a description, all defaults written out: `parseDomain` reads the same description from it, and
 * libvirt's schema accepts it.
 */
export function formatDomain(spec: DomainSpec): string {
  assert(
    Number.isSafeInteger(spec.memoryBytes) && spec.memoryBytes > 0,
    'memory is a positive number of bytes',
  );
  const lines = nested(0, 'domain', { type: 'lxc' }, [
    text(1, 'name', spec.name),
    text(1, 'uuid', spec.uuid),
    ...maybe(1, 'title', spec.title),
    ...maybe(1, 'description', spec.description),
    ...metadataLines(spec),
    ...memoryLines(spec),
    text(1, 'vcpu', spec.vcpus, { cpuset: spec.cpuset }),
    ...tuningLines(spec),
    ...osLines(spec),
    ...rightsLines(spec),
    ...deviceLines(spec),
    ...seclabelLines(spec),
  ]);
  return `${lines.join('\n')}\n`;
}

function memoryLines({ memoryBytes, allocation, memtune = {} }: DomainSpec): string[] {
  const { maxBytes, currentBytes } = allocation ?? { maxBytes: memoryBytes, currentBytes: memoryBytes };
  const limit = (name: string, bytes: number | undefined) =>
    bytes === undefined ? [] : [size(2, name, bytes)];
  return [
    size(1, 'memory', maxBytes),
    ...(currentBytes === maxBytes ? [] : [size(1, 'currentMemory', currentBytes)]),
    ...around(1, 'memtune', [
      ...limit('hard_limit', memoryBytes === currentBytes ? undefined : memoryBytes),
      ...limit('soft_limit', memtune.softLimitBytes),
      ...limit('swap_hard_limit', memtune.swapLimitBytes),
    ]),
  ];
}

function tuningLines({ cputune = {}, numatune, blkiotune }: DomainSpec): string[] {
  return [
    ...around(1, 'cputune', [
      ...maybe(2, 'shares', cputune.shares),
      ...maybe(2, 'period', cputune.periodUs),
      ...maybe(2, 'quota', cputune.quotaUs === 'none' ? -1 : cputune.quotaUs),
    ]),
    ...(numatune ? around(1, 'numatune', [empty(2, 'memory', { ...numatune })]) : []),
    ...around(1, 'blkiotune', [
      ...maybe(2, 'weight', blkiotune?.weight),
      ...(blkiotune?.devices ?? []).flatMap((device) =>
        nested(2, 'device', {}, [
          text(3, 'path', device.path),
          ...maybe(3, 'weight', device.weight),
          ...maybe(3, 'read_iops_sec', device.readIopsSec),
          ...maybe(3, 'write_iops_sec', device.writeIopsSec),
          ...maybe(3, 'read_bytes_sec', device.readBytesSec),
          ...maybe(3, 'write_bytes_sec', device.writeBytesSec),
        ]),
      ),
    ]),
  ];
}

function osLines({ arch, os }: DomainSpec): string[] {
  return nested(1, 'os', {}, [
    text(2, 'type', 'exe', { arch }),
    text(2, 'init', os.init),
    ...os.initArgs.map((value) => text(2, 'initarg', value)),
    ...os.initEnv.map(({ name, value }) => text(2, 'initenv', value, { name })),
    ...maybe(2, 'initdir', os.initDir),
    ...maybe(2, 'inituser', os.initUser?.user),
    ...maybe(2, 'initgroup', os.initUser?.group),
  ]);
}

function rightsLines({ capabilities, idmap }: DomainSpec): string[] {
  const states = CAPABILITIES.flatMap((name) => {
    const state = capabilities?.on.includes(name)
      ? 'on'
      : capabilities?.off.includes(name)
        ? 'off'
        : undefined;
    return state === undefined ? [] : [empty(3, name, { state })];
  });
  const ranges = (name: string, list: readonly IdRange[]) =>
    list.map(({ start, target, count }) => empty(2, name, { start, target, count }));
  return [
    ...(capabilities
      ? around(1, 'features', nested(2, 'capabilities', { policy: capabilities.policy }, states))
      : []),
    ...(idmap ? around(1, 'idmap', [...ranges('uid', idmap.uid), ...ranges('gid', idmap.gid)]) : []),
  ];
}

function seclabelLines({ seclabel }: DomainSpec): string[] {
  if (!seclabel) return [];
  if (seclabel.model === 'none') return [empty(1, 'seclabel', { type: 'none' })];
  const values = { type: 'static', model: seclabel.model, relabel: 'no' };
  return nested(1, 'seclabel', values, [text(2, 'label', seclabel.label)]);
}
