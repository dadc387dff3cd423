import { describe, test } from 'vitest';
import { type Case, check } from './fixtures/refused.ts';

const iface = (content: string) => `<interface type='bridge'><source bridge='br0'/>${content}</interface>`;

describe('interfaces', () => {
  test.each<Case>([
    [
      'another type',
      { devices: "<interface type='ethernet'><source bridge='b'/></interface>" },
      '7:12',
      'an interface of type "ethernet" cannot be honoured: without a bridge',
    ],
    ['no source', { devices: "<interface type='bridge'/>" }, '7:1', 'needs <source bridge'],
    ['a live target', { devices: iface("<target dev='vnet0'/>") }, '7:48', 'chosen on each node'],
    ['a model', { devices: iface("<model type='virtio'/>") }, '7:48', '<model> in <interface>'],
    [
      'the same guest name',
      { devices: `${iface("<guest dev='eth1'/>")}\n${iface('')}` },
      '8:1',
      '"eth1" stands in two',
    ],
    [
      'the same MAC',
      {
        devices: `${iface("<mac address='02:00:00:00:00:01'/>")}\n${iface("<mac address='02:00:00:00:00:01'/>")}`,
      },
      '8:1',
      'stands in two',
    ],
    [
      'an address twice',
      { devices: `${iface("<ip address='fd00:0::1'/>")}\n${iface("<ip address='fd00::1'/>")}` },
      '8:1',
      '"fd00::1" stands in two',
    ],
    [
      'the wrong family',
      { devices: iface("<ip address='fd00::1' family='ipv4'/>") },
      '7:70',
      'possible: ipv6',
    ],
    ['a peer', { devices: iface("<ip address='10.0.0.1' peer='10.0.0.2'/>") }, '7:71', 'point-to-point'],
    [
      'a network without name',
      { devices: "<interface type='network'><source bridge='b'/></interface>" },
      '7:27',
      'needs the attribute network',
    ],
    [
      'a route without network',
      { devices: iface("<route gateway='10.0.0.1'/>") },
      '7:48',
      'needs the attribute address',
    ],
    [
      'a route to a host that is a network',
      { devices: iface("<route address='10.0.0.1' prefix='8' gateway='10.0.0.2'/>") },
      '7:55',
      'is an address in a network',
    ],
    [
      'a route of two families',
      { devices: iface("<route address='10.0.0.0' prefix='8' gateway='fd00::1'/>") },
      '7:55',
      "is not of the gateway's family",
    ],
    [
      'a route of the wrong family',
      { devices: iface("<route family='ipv6' address='0.0.0.0' gateway='10.0.0.2'/>") },
      '7:55',
      'possible: ipv4',
    ],
    [
      'a route with both',
      { devices: iface("<route address='10.0.0.0' prefix='8' netmask='255.0.0.0' gateway='10.0.0.2'/>") },
      '7:85',
      'not both',
    ],
    [
      'a netmask with holes',
      { devices: iface("<route address='10.0.0.0' netmask='255.0.255.0' gateway='10.0.0.2'/>") },
      '7:74',
      'is not a netmask',
    ],
    [
      'everything that is not',
      { devices: iface("<route address='0.0.0.0' prefix='8' gateway='10.0.0.2'/>") },
      '7:73',
      'is no network',
    ],
    [
      'a route over a link that is down',
      { devices: iface("<link state='down'/><route address='0.0.0.0' gateway='10.0.0.2'/>") },
      '7:68',
      'whose link is up',
    ],
    ['another link state', { devices: iface("<link state='sideways'/>") }, '7:54', 'possible: up, down'],
    ['a huge MTU', { devices: iface("<mtu size='65536'/>") }, '7:53', 'between 68 and 65535'],
  ])('%s', (...row) => check(row));

  test.each(['', 'br 0', '../br0', 'br0/x', '.', '..', 'a'.repeat(16), 'br0&#10;x'])(
    'the bridge %j is refused',
    (bridge) =>
      check([
        '',
        { devices: `<interface type='bridge'><source bridge='${bridge}'/></interface>` },
        '7:34',
        'network device',
      ]),
  );

  test.each([
    '',
    '00:00:00:00:00:00',
    '01:00:00:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    '02-00-00-00-00-01',
    '02:00:00:00:00',
    '02:00:00:00:00:0g',
    '02:00:00:00:00:01:02',
  ])('the MAC address %j is refused', (mac) =>
    check(['', { devices: iface(`<mac address='${mac}'/>`) }, '7:53', 'is not a unicast MAC address']),
  );

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1/24',
    '0.0.0.0',
    '127.0.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'ff02::1',
    'fe80::1%eth0',
    '1:2:3:4:5:6:7',
    '1::2::3',
    '12345::1',
    '::ffff:10.0.0.1',
    ':1:2:3:4:5:6:7',
    'example.org',
    '1.2.3.4.5',
  ])('the address %j is refused', (ip) =>
    check(['', { devices: iface(`<ip address='${ip}'/>`) }, '7:52', 'is not an address for an interface']),
  );

  test.each([
    ['10.0.0.1', '0'],
    ['10.0.0.1', '33'],
    ['10.0.0.1', '-1'],
    ['10.0.0.1', '255.255.255.0'],
    ['fd00::1', '129'],
  ])('%s with the prefix %s is refused', (ip, prefix) =>
    check(['', { devices: iface(`<ip prefix='${prefix}' address='${ip}'/>`) }, '7:52', 'the prefix']),
  );
});
