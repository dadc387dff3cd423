import type { AddressSpec } from './spec.ts';

const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;
const OCTET = /^(0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** A unicast MAC address in lower case; undefined if it is not one. */
export function parseMac(text: string): string | undefined {
  const mac = text.toLowerCase();
  return MAC.test(mac) && mac !== '00:00:00:00:00:00' ? mac : undefined;
}

/** An address that an interface can have, in its canonical spelling (RFC 5952); undefined if it is not one. */
export function parseAddress(text: string): Pick<AddressSpec, 'family' | 'address'> | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** The prefix when none is given: by address class for IPv4 (as libvirt and LXC have it), 64 for IPv6. */
export function defaultPrefix({ family, address }: Pick<AddressSpec, 'family' | 'address'>): number {
  if (family === 'ipv6') return 64;
  const first = Number.parseInt(address, 10);
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

function parseV4(text: string): Pick<AddressSpec, 'family' | 'address'> | undefined {
  const parts = text.split('.');
  const octets = parts.map(Number);
  const [first = 0] = octets;
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part)) || octets.some((octet) => octet > 255))
    return undefined;
  // "This network", loopback, multicast and reserved addresses belong to no bridged interface.
  if (first === 0 || first === 127 || first >= 224) return undefined;
  return { family: 'ipv4', address: text };
}

function parseV6(text: string): Pick<AddressSpec, 'family' | 'address'> | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = [...head, ...tail];
  if (!given.every((group) => GROUP.test(group))) return undefined;
  if (halves.length === 1 ? given.length !== 8 : given.length > 7) return undefined;
  const zeros = Array.from({ length: 8 - given.length }, () => '0');
  const groups = [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16));
  const [first = 0] = groups;
  if (groups.slice(0, 7).every((group) => group === 0) || (first & 0xff00) === 0xff00) return undefined;
  return { family: 'ipv6', address: canonical(groups) };
}

function canonical(groups: readonly number[]): string {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length < 2) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}
