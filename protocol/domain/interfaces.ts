import { LIMITS } from '../limits.ts';
import { isContainerName } from '../names.ts';
import { defaultPrefix, parseAddress, parseMac } from './address.ts';
import { defined } from './defined.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf } from './element.ts';
import { stableMac } from './identity.ts';
import { type Problems, quote } from './problems.ts';
import { readRoute } from './routes.ts';
import type { AddressSpec, InterfaceSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readInteger } from './values.ts';

const CHILDREN = {
  source: 'one',
  mac: 'one',
  guest: 'one',
  ip: 'many',
  route: 'many',
  link: 'one',
  mtu: 'one',
} as const;
/** The kernel's bounds for a veth. */
const MTU = { min: 68, max: 65_535 };
// The kernel's IFNAMSIZ less one, and only characters that no configuration file of ours must quote.
const DEVICE = /^(?!\.{1,2}$)[a-zA-Z0-9_.-]{1,15}$/;

/** What to say of libvirt's other types. */
const TYPES: Readonly<Partial<Record<string, string>>> = {
  ethernet: 'without a bridge nothing leads to the container on another node',
  direct: 'a macvlan hangs on one card of one node; put the card into a bridge',
  user: 'a container needs no user-mode network; use a bridge',
  hostdev: 'a network card of the host cannot move',
};
/** Stands in for a refused one. */
const NOT_THERE: InterfaceSpec = { bridge: '', mac: '', addresses: [], guestName: '' };

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
  if (type !== '' && type !== 'bridge' && type !== 'network') {
    const reason = TYPES[type] ?? 'possible: bridge, network';
    problems.refuse(
      offsetOf(element, 'type'),
      `an interface of type ${quote(type)} cannot be honoured: ${reason}`,
    );
    return NOT_THERE;
  }
  const kind = type || 'bridge';
  const children = childrenOf(element, CHILDREN, problems);
  for (const [list, limit] of [
    [children.ip, LIMITS.addressesPerInterface],
    [children.route, LIMITS.routesPerInterface],
  ] as const) {
    const extra = list[limit];
    if (extra) problems.refuse(extra.offset, `more than ${limit} <${extra.tag}> elements`);
  }
  const [source] = children.source;
  if (!source) problems.refuse(element.offset, `<interface> needs <source ${kind}="…">`);
  const routes = children.route.map((route) => readRoute(route, problems));
  const down = children.link.some((link) => isDown(link, problems));
  if (down && children.route[0])
    problems.refuse(children.route[0].offset, 'a route needs an interface whose link is up');
  return {
    ...(kind === 'bridge'
      ? { bridge: source ? readDevice(source, 'bridge', problems) : '' }
      : { network: source ? readNetwork(source, problems) : '' }),
    mac: children.mac.map((mac) => readMac(mac, problems))[0] ?? stableMac(uuid, index),
    addresses: children.ip.map((ip) => readAddress(ip, problems)),
    ...(routes.length === 0 ? {} : { routes }),
    guestName: children.guest.map((guest) => readDevice(guest, 'dev', problems))[0] ?? `eth${index}`,
    ...(down ? { link: 'down' as const } : {}),
    ...defined({ mtu: children.mtu.map((mtu) => readMtu(mtu, problems))[0] }),
  };
}

function isDown(element: XmlElement, problems: Problems): boolean {
  const { state } = attributesOf(element, { required: ['state'] }, problems);
  checkEmpty(element, problems);
  if (state === '') return false;
  return readChoice(state, ['up', 'down'], 'the link state', offsetOf(element, 'state'), problems) === 'down';
}

function readMtu(element: XmlElement, problems: Problems): number {
  const { size } = attributesOf(element, { required: ['size'] }, problems);
  checkEmpty(element, problems);
  return size === '' ? MTU.min : readInteger(size, 'the MTU', MTU, offsetOf(element, 'size'), problems);
}

/** A network's name; each node knows its bridge for it (agent.toml). */
function readNetwork(element: XmlElement, problems: Problems): string {
  const { network } = attributesOf(element, { required: ['network'] }, problems);
  checkEmpty(element, problems);
  if (network !== '' && !isContainerName(network))
    problems.refuse(offsetOf(element, 'network'), `${quote(network)} is not the name of a network`);
  return network;
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
