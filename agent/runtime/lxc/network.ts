import type { AddressSpec, DomainSpec, InterfaceSpec, RouteSpec } from '../../../protocol/mod.ts';
import { type Line, matching, unsupported } from './line.ts';
import { hostVeth } from './names.ts';

/** Bridges of this node by the name of the network they stand for. */
export type Networks = Readonly<Record<string, string>>;

const LINK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** The bridge that an interface is put on; undefined when this node does not know its network. */
export function bridgeOf({ bridge, network }: InterfaceSpec, networks: Networks): string | undefined {
  if (network === undefined) return bridge;
  return Object.hasOwn(networks, network) ? networks[network] : undefined;
}

/** The bridges of all interfaces, each once. */
export function bridgesOf(spec: Pick<DomainSpec, 'interfaces'>, networks: Networks): string[] {
  return [...new Set(spec.interfaces.flatMap((nic) => bridgeOf(nic, networks) ?? []))];
}

/** A container without interfaces has its loopback alone. */
export function networkLines(spec: DomainSpec, networks: Networks): Line[] {
  if (spec.interfaces.length === 0) return [['lxc.net.0.type', 'empty']];
  return spec.interfaces.flatMap((nic, index) => interfaceLines(spec.name, nic, index, networks));
}

/** LXC sets default routes, one a family, without metric. */
export function isGateway({ prefix, metric }: RouteSpec, others: readonly RouteSpec[]): boolean {
  return prefix === 0 && metric === undefined && others.length === 0;
}

/** The routes of an interface that LXC has no key for, as arguments of `ip`. */
export function routeCommands(nic: InterfaceSpec): string[][] {
  const { routes = [] } = nic;
  return routes
    .filter((route, index) => !isGateway(route, gatewaysBefore(routes, index, route.family)))
    .map(({ family, address, prefix, gateway, metric }) => [
      ...[family === 'ipv4' ? '-4' : '-6', 'route', 'replace', `${address}/${prefix}`],
      ...['via', gateway, 'dev', nic.guestName],
      ...(metric === undefined ? [] : ['metric', String(metric)]),
    ]);
}

function gatewaysBefore(
  routes: readonly RouteSpec[],
  index: number,
  family: AddressSpec['family'],
): RouteSpec[] {
  return routes
    .slice(0, index)
    .filter((route) => route.family === family && route.prefix === 0 && route.metric === undefined);
}

function interfaceLines(name: string, nic: InterfaceSpec, index: number, networks: Networks): Line[] {
  const key = (suffix: string) => `lxc.net.${index}.${suffix}`;
  const { routes = [] } = nic;
  const bridge = bridgeOf(nic, networks);
  if (bridge === undefined) throw unsupported(`this node knows no bridge for the network '${nic.network}'`);
  return [
    [key('type'), 'veth'],
    [key('link'), matching(bridge, LINK_NAME, 'bridge')],
    ...(nic.link === 'down' ? [] : [[key('flags'), 'up'] as const]),
    [key('name'), matching(nic.guestName, LINK_NAME, 'interface name')],
    [key('veth.pair'), hostVeth(name, index)],
    [key('hwaddr'), matching(nic.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'MAC address')],
    ...(nic.mtu === undefined ? [] : [[key('mtu'), String(nic.mtu)] as const]),
    ...nic.addresses.map(
      ({ family, address, prefix }): Line => [
        key(`${family}.address`),
        `${matching(address, /^[0-9a-fA-F.:]+$/, 'address')}/${prefix}`,
      ],
    ),
    ...routes
      .filter((route, at) => isGateway(route, gatewaysBefore(routes, at, route.family)))
      .map(
        ({ family, gateway }): Line => [
          key(`${family}.gateway`),
          matching(gateway, /^[0-9a-fA-F.:]+$/, 'gateway'),
        ],
      ),
  ];
}
