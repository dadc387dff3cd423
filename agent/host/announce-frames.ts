import type { InterfaceSpec } from '../../protocol/mod.ts';

const BROADCAST = 'ffffffffffff';
const ARP = '0806';
const RARP = '8035';
const IPV6 = '86dd';
const ALL_NODES_MAC = '333300000001';
const ALL_NODES = `ff02${'0'.repeat(27)}1`;

/**
 * The Ethernet frames, in hexadecimal, by which an interface tells its network where it is now: a gratuitous ARP per
 * IPv4 address, an unsolicited neighbour advertisement per IPv6 address, and, for an interface without either, the
 * RARP that QEMU sends (switches learn the port from any frame).
 */
export function announceFrames(nic: Pick<InterfaceSpec, 'mac' | 'addresses'>): string[] {
  const mac = nic.mac.replaceAll(':', '').toLowerCase();
  if (nic.addresses.length === 0) return [rarp(mac)];
  return nic.addresses.map(({ family, address }) =>
    family === 'ipv4' ? gratuitousArp(mac, ipv4Hex(address)) : neighbourAdvertisement(mac, ipv6Hex(address)),
  );
}

/** ARP request with sender = target: accepted by neighbours even within their lock time. */
function gratuitousArp(mac: string, ip: string): string {
  return ethernet(BROADCAST, mac, ARP, `0001080006040001${mac}${ip}${'0'.repeat(12)}${ip}`);
}

function rarp(mac: string): string {
  return ethernet(BROADCAST, mac, RARP, `0001080006040003${mac}00000000${mac}00000000`);
}

/** RFC 4861 section 7.2.6: to all nodes, override flag set, with the link-layer address; hop limit 255. */
function neighbourAdvertisement(mac: string, ip: string): string {
  const body = `20000000${ip}0201${mac}`;
  const length = 4 + body.length / 2;
  const pseudoHeader = `${ip}${ALL_NODES}${length.toString(16).padStart(8, '0')}0000003a`;
  const sum = checksum(`${pseudoHeader}88000000${body}`);
  const header = `60000000${length.toString(16).padStart(4, '0')}3aff${ip}${ALL_NODES}`;
  return ethernet(ALL_NODES_MAC, mac, IPV6, `${header}8800${sum}${body}`);
}

function ethernet(to: string, from: string, type: string, payload: string): string {
  const minimumDigits = 2 * 60;
  return `${to}${from}${type}${payload}`.padEnd(minimumDigits, '0');
}

/** Internet checksum (RFC 1071) of hexadecimal data with an even number of bytes. */
function checksum(hex: string): string {
  let sum = 0;
  for (let at = 0; at < hex.length; at += 4) sum += Number.parseInt(hex.slice(at, at + 4), 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return (~sum & 0xffff).toString(16).padStart(4, '0');
}

function ipv4Hex(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
}

function ipv6Hex(address: string): string {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted) {
    const [, head = '', tail = ''] = dotted;
    return ipv6Hex(`${head}${ipv4Hex(tail).slice(0, 4)}:${ipv4Hex(tail).slice(4)}`);
  }
  const [left = '', right] = address.split('::');
  const groups = (text: string) => (text ? text.split(':') : []);
  const head = groups(left);
  const tail = groups(right ?? '');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  return [...head, ...Array<string>(zeros).fill('0'), ...tail]
    .map((group) => group.toLowerCase().padStart(4, '0'))
    .join('');
}
