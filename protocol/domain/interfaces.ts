import { LIMITS } from '../limits.ts';
import { defaultPrefix, parseAddress, parseMac } from './address.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf } from './element.ts';
import { stableMac } from './identity.ts';
import { type Problems, quote } from './problems.ts';
import type { AddressSpec, InterfaceSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readInteger } from './values.ts';

const CHILDREN = { source: 'one', mac: 'one', guest: 'one', ip: 'many' } as const;
// The kernel's IFNAMSIZ less one, and only characters that no configuration file of ours must quote.
const DEVICE = /^(?!\.{1,2}$)[a-zA-Z0-9_.-]{1,15}$/;

/** Reads all `<interface>`s: bridged veth pairs. MACs, guest names and addresses must be different ones. */
export function readInterfaces(
  elements: readonly XmlElement[],
  uuid: string,
  problems: Problems,
): InterfaceSpec[] {
  const seen = new Set<string>();
  return elements.map((element, index) => {
    const spec = readInterface(element, uuid, index, problems);
    for (const value of [spec.mac, spec.guestName, ...spec.addresses.map(({ address }) => address)]) {
      if (seen.has(value)) problems.refuse(element.offset, `${quote(value)} stands in two <interface>s`);
      if (value !== '') seen.add(value);
    }
    return spec;
  });
}

function readInterface(element: XmlElement, uuid: string, index: number, problems: Problems): InterfaceSpec {
  const { type } = attributesOf(element, { required: ['type'] }, problems);
  if (type !== '') readChoice(type, ['bridge'], 'the interface type', offsetOf(element, 'type'), problems);
  const children = childrenOf(element, CHILDREN, problems);
  const [source] = children.source;
  if (!source) problems.refuse(element.offset, '<interface> needs <source bridge="…">');
  const extra = children.ip[LIMITS.addressesPerInterface];
  if (extra) problems.refuse(extra.offset, `more than ${LIMITS.addressesPerInterface} <ip> elements`);
  return {
    bridge: (source && readDevice(source, 'bridge', problems)) ?? '',
    mac: children.mac.map((mac) => readMac(mac, problems))[0] ?? stableMac(uuid, index),
    addresses: children.ip.map((ip) => readAddress(ip, problems)),
    guestName: children.guest.map((guest) => readDevice(guest, 'dev', problems))[0] ?? `eth${index}`,
  };
}

function readDevice(element: XmlElement, attribute: 'bridge' | 'dev', problems: Problems): string {
  const value = attributesOf(element, { required: [attribute] }, problems)[attribute];
  const given = element.attributes.some(({ name }) => name === attribute);
  if (given && !DEVICE.test(value))
    problems.refuse(offsetOf(element, attribute), `${quote(value)} is not the name of a network device`);
  checkEmpty(element, problems);
  return value;
}

function readMac(element: XmlElement, problems: Problems): string {
  const { address } = attributesOf(element, { required: ['address'] }, problems);
  checkEmpty(element, problems);
  const mac = parseMac(address.trim());
  if (mac === undefined && element.attributes.some(({ name }) => name === 'address'))
    problems.refuse(offsetOf(element, 'address'), `${quote(address)} is not a unicast MAC address`);
  return mac ?? '';
}

function readAddress(element: XmlElement, problems: Problems): AddressSpec {
  const values = attributesOf(element, { required: ['address'], optional: ['family', 'prefix'] }, problems);
  checkEmpty(element, problems);
  const parsed = parseAddress(values.address.trim());
  if (!parsed) {
    if (element.attributes.some(({ name }) => name === 'address'))
      problems.refuse(
        offsetOf(element, 'address'),
        `${quote(values.address)} is not an address for an interface`,
      );
    return { family: 'ipv4', address: '', prefix: 1 };
  }
  const { family } = parsed;
  if (values.family !== undefined)
    readChoice(
      values.family,
      [family],
      `the family of ${parsed.address}`,
      offsetOf(element, 'family'),
      problems,
    );
  const bounds = { min: 1, max: family === 'ipv4' ? 32 : 128 };
  const prefix =
    values.prefix === undefined
      ? defaultPrefix(parsed)
      : readInteger(values.prefix, 'the prefix', bounds, offsetOf(element, 'prefix'), problems);
  return { ...parsed, prefix };
}
