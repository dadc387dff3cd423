import { defaultPrefix, parseAddress, stableMac } from '../../../../protocol/domain/mod.ts';
import type { AddressSpec, InterfaceSpec, RouteSpec } from '../../../../protocol/mod.ts';
import type { Basket } from './basket.ts';
import type { Setting } from './read.ts';

const KEY = /^lxc\.net\.(\d+)\.(.+)$/;
const ROUTE = { ipv4: '0.0.0.0', ipv6: '::' } as const;
/** Chosen on each node. */
const IGNORED = ['veth.pair'];

/** Takes `lxc.net.…`. `macs` has the addresses that the interfaces of the running container have, by their names in it. */
export function takeInterfaces(
  basket: Basket,
  uuid: string,
  macs: ReadonlyMap<string, string>,
): InterfaceSpec[] {
  const groups = new Map<number, Setting[]>();
  for (const setting of basket.matching(({ key }) => KEY.test(key))) {
    const number = Number(KEY.exec(setting.key)?.[1]);
    groups.set(number, [...(groups.get(number) ?? []), setting]);
  }
  const names = new Set<string>();
  return [...groups]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([, settings], index) => {
      const nic = interfaceOf(basket, settings, uuid, index, macs, names);
      if (nic) names.add(nic.guestName);
      return nic ?? [];
    });
}

function interfaceOf(
  basket: Basket,
  settings: readonly Setting[],
  uuid: string,
  index: number,
  macs: ReadonlyMap<string, string>,
  names: ReadonlySet<string>,
): InterfaceSpec | undefined {
  const left = new Set(settings);
  const take = (suffix: string): Setting[] => {
    const found = [...left].filter(({ key }) => KEY.exec(key)?.[2] === suffix);
    for (const setting of found) left.delete(setting);
    return found;
  };
  const last = (suffix: string) => take(suffix).at(-1)?.value;
  const [type] = take('type').slice(-1);
  if (!type || type.value === 'empty') return undefined;
  const link = last('link');
  if (type.value !== 'veth' || link === undefined) {
    basket.refuse(type, 'only a veth into a bridge (lxc.net.N.link) can be moved');
    return undefined;
  }
  const up = last('flags') === 'up';
  const mtu = last('mtu');
  const guestName = last('name') ?? freeName(names);
  const given = last('hwaddr')?.toLowerCase();
  // LXC fills an x with a random digit at each start: what the container has now is what its peers know.
  const mac = given === undefined || given.includes('x') ? macs.get(guestName) : given;
  for (const suffix of IGNORED) take(suffix);
  const nic: InterfaceSpec = {
    bridge: link,
    mac: mac ?? stableMac(uuid, index),
    addresses: [...take('ipv4.address'), ...take('ipv6.address')].flatMap((one) => addressOf(basket, one)),
    ...withRoutes([...take('ipv4.gateway'), ...take('ipv6.gateway')].flatMap((one) => routeOf(basket, one))),
    guestName,
    ...(up ? {} : { link: 'down' as const }),
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
  };
  for (const setting of left) basket.refuse(setting, 'no element says it');
  return nic;
}

function freeName(names: ReadonlySet<string>): string {
  let number = 0;
  while (names.has(`eth${number}`)) number += 1;
  return `eth${number}`;
}

function withRoutes(routes: RouteSpec[]): Pick<InterfaceSpec, 'routes'> {
  return routes.length === 0 ? {} : { routes };
}

/** `10.0.0.2/24 10.0.0.255`: the broadcast address follows from the rest. */
function addressOf(basket: Basket, setting: Setting): AddressSpec[] {
  const [word = ''] = setting.value.split(/\s+/);
  const [text = '', prefix] = word.split('/');
  const parsed = parseAddress(text);
  if (!parsed) {
    basket.refuse(setting, 'it is not an address for an interface');
    return [];
  }
  return [{ ...parsed, prefix: prefix === undefined ? defaultPrefix(parsed) : Number(prefix) }];
}

function routeOf(basket: Basket, setting: Setting): RouteSpec[] {
  const gateway = parseAddress(setting.value);
  if (!gateway) {
    basket.refuse(setting, 'only an address can be kept as a gateway');
    return [];
  }
  const { family } = gateway;
  return [{ family, address: ROUTE[family], prefix: 0, gateway: gateway.address }];
}
