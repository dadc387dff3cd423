import { LIMITS } from '../limits.ts';
import type { DomainChildren } from './children.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf, plainText } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { CapabilitiesSpec, DomainSpec, IdRange, SeclabelSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readInteger, readLine } from './values.ts';

/** libvirt's names of capabilities: the kernel's without CAP_, in lower case. */
export const CAPABILITIES = [
  ...['audit_control', 'audit_write', 'block_suspend', 'chown', 'dac_override', 'dac_read_search', 'fowner'],
  ...['fsetid', 'ipc_lock', 'ipc_owner', 'kill', 'lease', 'linux_immutable', 'mac_admin', 'mac_override'],
  ...['mknod', 'net_admin', 'net_bind_service', 'net_broadcast', 'net_raw', 'setgid', 'setfcap', 'setpcap'],
  ...['setuid', 'sys_admin', 'sys_boot', 'sys_chroot', 'sys_module', 'sys_nice', 'sys_pacct', 'sys_ptrace'],
  ...['sys_rawio', 'sys_resource', 'sys_time', 'sys_tty_config', 'syslog', 'wake_alarm'],
] as const;
const EACH = Object.fromEntries(CAPABILITIES.map((name) => [name, 'one'])) as Record<string, 'one'>;
const FEATURES = { privnet: 'one', capabilities: 'one' } as const;
const ID = { min: 0, max: 4_294_967_294 };
const COUNT = { min: 1, max: 4_294_967_295 };

type Rights = Pick<DomainSpec, 'capabilities' | 'idmap' | 'seclabel'>;

/** Reads what the container's root may do, and who it is on the host. */
export function readRights(children: DomainChildren, problems: Problems): Rights {
  const [capabilities] = children.features.flatMap((features) => readFeatures(features, problems));
  const [idmap] = children.idmap.map((element) => readIdmap(element, problems));
  const [seclabel] = children.seclabel.map((element) => readSeclabel(element, problems));
  return {
    ...(capabilities ? { capabilities } : {}),
    ...(idmap ? { idmap } : {}),
    ...(seclabel ? { seclabel } : {}),
  };
}

function readFeatures(features: XmlElement, problems: Problems): CapabilitiesSpec[] {
  attributesOf(features, {}, problems);
  const children = childrenOf(features, FEATURES, problems);
  // Each container has a network of its own, so this one changes nothing.
  for (const privnet of children.privnet) {
    attributesOf(privnet, {}, problems);
    checkEmpty(privnet, problems);
  }
  return children.capabilities.map((element) => readCapabilities(element, problems));
}

function readCapabilities(element: XmlElement, problems: Problems): CapabilitiesSpec {
  const { policy } = attributesOf(element, { optional: ['policy'] }, problems);
  const children = childrenOf(element, EACH, problems);
  const states = CAPABILITIES.flatMap((name) =>
    (children[name] ?? []).map((one) => ({ name, on: readState(one, problems) })),
  );
  return {
    policy: readChoice(
      policy ?? 'default',
      ['default', 'allow', 'deny'],
      'the policy',
      offsetOf(element, 'policy'),
      problems,
    ),
    on: states.filter(({ on }) => on).map(({ name }) => name),
    off: states.filter(({ on }) => !on).map(({ name }) => name),
  };
}

function readState(element: XmlElement, problems: Problems): boolean {
  const { state } = attributesOf(element, { optional: ['state'] }, problems);
  checkEmpty(element, problems);
  return readChoice(state ?? 'on', ['on', 'off'], 'the state', offsetOf(element, 'state'), problems) === 'on';
}

/** The container's root must be somebody: both maps start at 0, as libvirt demands, too. */
function readIdmap(element: XmlElement, problems: Problems): NonNullable<Rights['idmap']> {
  attributesOf(element, {}, problems);
  const children = childrenOf(element, { uid: 'many', gid: 'many' }, problems);
  const read = (name: 'uid' | 'gid'): IdRange[] => {
    const list = children[name];
    const extra = list[LIMITS.idRanges];
    if (extra) problems.refuse(extra.offset, `more than ${LIMITS.idRanges} <${name}> elements`);
    const ranges = list.map((one) => readRange(one, problems));
    if (!ranges.some(({ start }) => start === 0))
      problems.refuse(element.offset, `<idmap> needs a <${name}> with start='0'`);
    for (const [side, what] of [
      ['start', 'in the container'],
      ['target', 'on the host'],
    ] as const) {
      const at = list[overlap(ranges, side)];
      if (at) problems.refuse(at.offset, `this <${name}> maps ids ${what} that another one maps, too`);
    }
    return ranges;
  };
  return { uid: read('uid'), gid: read('gid') };
}

function readRange(element: XmlElement, problems: Problems): IdRange {
  const values = attributesOf(element, { required: ['start', 'target', 'count'] }, problems);
  checkEmpty(element, problems);
  const number = (name: keyof typeof values, bounds: typeof ID) => {
    if (values[name] === '') return bounds.min;
    return readInteger(values[name], name, bounds, offsetOf(element, name), problems);
  };
  const range = { start: number('start', ID), target: number('target', ID), count: number('count', COUNT) };
  if (Math.max(range.start, range.target) + range.count > COUNT.max)
    problems.refuse(offsetOf(element, 'count'), `count ${quote(values.count)} reaches beyond the last id`);
  return range;
}

/** Index of the first range that shares an id with an earlier one; -1 if none does. */
function overlap(ranges: readonly IdRange[], side: 'start' | 'target'): number {
  return ranges.findIndex((range, index) =>
    ranges
      .slice(0, index)
      .some((other) => range[side] < other[side] + other.count && other[side] < range[side] + range.count),
  );
}

function readSeclabel(element: XmlElement, problems: Problems): SeclabelSpec {
  const values = attributesOf(element, { required: ['type'], optional: ['model', 'relabel'] }, problems);
  const at = (name: string) => offsetOf(element, name);
  const { label } = childrenOf(element, { label: 'one' }, problems);
  if (values.relabel !== undefined) readChoice(values.relabel, ['no'], 'relabel', at('relabel'), problems);
  const type =
    values.type === ''
      ? 'none'
      : readChoice(values.type, ['none', 'static'], 'the type of label', at('type'), problems);
  if (type === 'none') {
    for (const extra of label) problems.refuse(extra.offset, 'a <label> where type is none');
    return { model: 'none' };
  }
  if (values.model === undefined) problems.refuse(element.offset, '<seclabel> needs the attribute model');
  const model = readChoice(
    values.model ?? 'apparmor',
    ['apparmor', 'selinux'],
    'the security model',
    at('model'),
    problems,
  );
  const [first] = label;
  if (!first) problems.refuse(element.offset, '<seclabel> needs <label>');
  const text = first ? plainText(first, problems).trim() : '';
  if (first && text === '') problems.refuse(first.offset, '<label> is empty');
  return {
    model,
    label: readLine(text, 'the label', LIMITS.domainValueChars, (first ?? element).offset, problems),
  };
}
