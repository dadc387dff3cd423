import { parseAddress } from './address.ts';
import { attributesOf, checkEmpty, offsetOf } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { RouteSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readInteger } from './values.ts';

const METRIC = { min: 1, max: 4_294_967_295 };
const ATTRIBUTES = {
  required: ['address', 'gateway'],
  optional: ['family', 'prefix', 'netmask', 'metric'],
} as const;
const ANY = ['0.0.0.0', '::'];
const NONE: RouteSpec = { family: 'ipv4', address: '0.0.0.0', prefix: 0, gateway: '' };

/** Reads one `<route>` of an interface: everything for `address/prefix` goes to the gateway. */
export function readRoute(element: XmlElement, problems: Problems): RouteSpec {
  const values = attributesOf(element, ATTRIBUTES, problems);
  checkEmpty(element, problems);
  if (values.address === '' || values.gateway === '') return NONE;
  const at = (name: string) => offsetOf(element, name);
  const gateway = parseAddress(values.gateway.trim());
  if (!gateway) {
    problems.refuse(at('gateway'), `${quote(values.gateway)} is not the address of a gateway`);
    return NONE;
  }
  const { family } = gateway;
  readChoice(
    values.family ?? family,
    [family],
    `the family of a route by ${gateway.address}`,
    at('family'),
    problems,
  );
  const text = values.address.trim();
  const everything = text === (family === 'ipv4' ? '0.0.0.0' : '::');
  const network = everything ? { family, address: text } : parseAddress(text);
  if (network?.family !== family) {
    const problem =
      network || ANY.includes(text) ? `is not of the gateway's family` : 'is not the address of a network';
    problems.refuse(at('address'), `${quote(text)} ${problem}`);
    return NONE;
  }
  const prefix = readPrefix(values, everything, family, at, problems);
  if (everything !== (prefix === 0))
    problems.refuse(
      at('prefix'),
      `${text}/${prefix} is no network: only ${ANY.join(' and ')} have the prefix 0`,
    );
  const bits = family === 'ipv4' ? 32 : 128;
  if (hostPart(network.address, prefix, bits) !== 0n)
    problems.refuse(at('address'), `${text}/${prefix} is an address in a network, not a network`);
  return {
    ...network,
    prefix,
    gateway: gateway.address,
    ...(values.metric === undefined
      ? {}
      : { metric: readInteger(values.metric, 'the metric', METRIC, at('metric'), problems) }),
  };
}

/** As with libvirt: without prefix and netmask it is a host, or everything. */
function readPrefix(
  values: { readonly prefix?: string; readonly netmask?: string },
  everything: boolean,
  family: RouteSpec['family'],
  at: (name: string) => number,
  problems: Problems,
): number {
  const bits = family === 'ipv4' ? 32 : 128;
  if (values.prefix !== undefined && values.netmask !== undefined)
    problems.refuse(at('netmask'), 'a route has a prefix or a netmask, not both');
  if (values.prefix !== undefined)
    return readInteger(values.prefix, 'the prefix', { min: 0, max: bits }, at('prefix'), problems);
  if (values.netmask === undefined) return everything ? 0 : bits;
  const prefix = family === 'ipv4' ? prefixOf(values.netmask.trim()) : undefined;
  if (prefix === undefined) problems.refuse(at('netmask'), `${quote(values.netmask)} is not a netmask`);
  return prefix ?? bits;
}

/** Leading ones of a netmask such as 255.255.0.0; undefined if it is not one. */
function prefixOf(netmask: string): number | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(netmask)) return undefined;
  const octets = netmask.split('.').map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  const binary = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(binary) ? binary.replace(/0*$/, '').length : undefined;
}

/** The bits of an address behind the prefix, as a number. */
function hostPart(address: string, prefix: number, bits: 32 | 128): bigint {
  return wordsOf(address, bits) & ((1n << BigInt(bits - prefix)) - 1n);
}

function wordsOf(address: string, bits: 32 | 128): bigint {
  const join = (parts: readonly string[], size: bigint, base: string) =>
    parts.reduce((sum, part) => (sum << size) | BigInt(`${base}${part || '0'}`), 0n);
  if (bits === 32) return join(address.split('.'), 8n, '');
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  return join(
    [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last],
    16n,
    '0x',
  );
}
