import { assert } from '../assert.ts';
import type { DomainSpec, FilesystemSpec, InterfaceSpec, PolicySpec } from './spec.ts';
import { escapeAttribute, escapeText } from './text.ts';
import { DOMAIN_NAMESPACE } from './tree.ts';

/**
 * The domain XML of a description, all defaults written out: `parseDomain` reads the same description from it, and
 * libvirt's schema accepts it.
 */
export function formatDomain(spec: DomainSpec): string {
  const { os } = spec;
  const kib = spec.memoryBytes % 1024 === 0;
  assert(
    Number.isSafeInteger(spec.memoryBytes) && spec.memoryBytes > 0,
    'memory is a positive number of bytes',
  );
  const lines = [
    "<domain type='lxc'>",
    text(1, 'name', spec.name),
    text(1, 'uuid', spec.uuid),
    ...(spec.title === undefined ? [] : [text(1, 'title', spec.title)]),
    ...(spec.description === undefined ? [] : [text(1, 'description', spec.description)]),
    ...policyLines(spec.policy),
    text(1, 'memory', String(kib ? spec.memoryBytes / 1024 : spec.memoryBytes), {
      unit: kib ? 'KiB' : 'bytes',
    }),
    text(1, 'vcpu', String(spec.vcpus)),
    '  <os>',
    text(2, 'type', 'exe', spec.arch === undefined ? {} : { arch: spec.arch }),
    text(2, 'init', os.init),
    ...os.initArgs.map((value) => text(2, 'initarg', value)),
    ...os.initEnv.map(({ name, value }) => text(2, 'initenv', value, { name })),
    ...(os.initDir === undefined ? [] : [text(2, 'initdir', os.initDir)]),
    '  </os>',
    '  <devices>',
    ...[spec.root, ...spec.filesystems].flatMap(filesystemLines),
    ...spec.interfaces.flatMap(interfaceLines),
    ...(spec.console ? [empty(2, 'console', { type: 'pty' })] : []),
    '  </devices>',
    '</domain>',
  ];
  return `${lines.join('\n')}\n`;
}

function policyLines(policy: PolicySpec): string[] {
  const migration = {
    mode: policy.mode,
    ...(policy.iterations === undefined ? {} : { iterations: String(policy.iterations) }),
    ...(policy.maxDowntimeMs === undefined ? {} : { 'max-downtime': `${policy.maxDowntimeMs}ms` }),
    ...(policy.maxExposureMs === undefined ? {} : { 'max-exposure': `${policy.maxExposureMs}ms` }),
    ...(policy.onNonconverge === undefined ? {} : { 'on-nonconverge': policy.onNonconverge }),
  };
  return [
    '  <metadata>',
    `    <godwit:settings${attributes({ 'xmlns:godwit': DOMAIN_NAMESPACE })}>`,
    empty(3, 'godwit:migration', migration),
    empty(3, 'godwit:rootfs', { policy: policy.rootfs }),
    '    </godwit:settings>',
    '  </metadata>',
  ];
}

function filesystemLines({ type, source, target, readonly }: FilesystemSpec): string[] {
  return [
    `    <filesystem${attributes({ type })}>`,
    empty(3, 'source', { dir: source }),
    empty(3, 'target', { dir: target }),
    ...(readonly ? [empty(3, 'readonly', {})] : []),
    '    </filesystem>',
  ];
}

function interfaceLines({ bridge, mac, addresses, guestName }: InterfaceSpec): string[] {
  return [
    "    <interface type='bridge'>",
    empty(3, 'source', { bridge }),
    empty(3, 'mac', { address: mac }),
    empty(3, 'guest', { dev: guestName }),
    ...addresses.map(({ family, address, prefix }) =>
      empty(3, 'ip', { family, address, prefix: String(prefix) }),
    ),
    '    </interface>',
  ];
}

function text(
  depth: number,
  name: string,
  value: string,
  values: Readonly<Record<string, string>> = {},
): string {
  return `${'  '.repeat(depth)}<${name}${attributes(values)}>${escapeText(value)}</${name}>`;
}

function empty(depth: number, name: string, values: Readonly<Record<string, string>>): string {
  return `${'  '.repeat(depth)}<${name}${attributes(values)}/>`;
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}='${escapeAttribute(value)}'`)
    .join('');
}
