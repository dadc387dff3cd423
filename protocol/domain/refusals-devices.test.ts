import { describe, test } from 'vitest';
import { type Case, check } from './fixtures/refused.ts';

const settings = (content: string) =>
  `<metadata><g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'>${content}</g:settings></metadata>`;
const iface = (content: string) => `<interface type='bridge'><source bridge='br0'/>${content}</interface>`;
const mount = (source: string, target: string) =>
  `<filesystem><source dir='${source}'/><target dir='${target}'/></filesystem>`;

describe('file systems', () => {
  test.each<Case>([
    ['no root', { root: mount('/a', '/b') }, '5:1', 'needs a <filesystem> with the target "/"'],
    [
      'a bound root',
      { root: `<filesystem type='bind'>${mount('/a', '/').slice(12)}` },
      '6:13',
      'must be of type mount',
    ],
    ['the host as root', { root: mount('//', '/') }, '6:1', "the host's own root"],
    ['two roots', { devices: mount('/a', '//') }, '7:1', 'a second <filesystem> for the target "/"'],
    ['a relative source', { devices: mount('a', '/b') }, '7:21', '"a" is not an absolute path'],
    ['a relative target', { devices: mount('/a', 'b') }, '7:39', '"b" is not an absolute path'],
    ['.. in a source', { devices: mount('/srv/../etc', '/b') }, '7:21', '".." segment'],
    ['.. in a target', { devices: mount('/a', '/..') }, '7:39', '".." segment'],
    ['.. by reference', { devices: mount('/a/&#46;&#x2e;/b', '/b') }, '7:21', '".." segment'],
    ['a newline in a path', { devices: mount('/a&#10;b', '/b') }, '7:21', 'a control character'],
    ['a path without end', { devices: mount(`/${'a'.repeat(4095)}`, '/b') }, '7:21', '4095 are the limit'],
    ['a block device', { devices: "<filesystem type='block'/>" }, '7:13', 'of type block cannot be honoured'],
    [
      'a file',
      { devices: `<filesystem type='file'>${mount('/a', '/b').slice(12)}` },
      '7:13',
      'of type file cannot be honoured: mount the image',
    ],
    [
      'a read-only root',
      { root: mount('/a', '/').replace('</', '<readonly/></') },
      '6:48',
      'LXC cannot restore such a container',
    ],
    [
      'another type',
      { devices: `<filesystem type='template'>${mount('a', '/b').slice(12)}` },
      '7:13',
      'possible: mount, bind, ram',
    ],
    [
      'a driver',
      { devices: mount('/a', '/b').replace('<s', "<driver type='loop'/><s") },
      '7:21',
      'possible: path',
    ],
    [
      'a tmpfs without size',
      { devices: "<filesystem type='ram'><source/><target dir='/b'/></filesystem>" },
      '7:24',
      'needs the attribute usage',
    ],
    [
      'an endless tmpfs',
      { devices: "<filesystem type='ram'><source usage='1' units='EiB'/><target dir='/b'/></filesystem>" },
      '7:32',
      'the usage "1 EiB" is more than any node has',
    ],
    [
      'mapped access',
      { devices: `<filesystem accessmode='mapped'>${mount('/a', '/b').slice(12)}` },
      '7:13',
      'possible: passthrough',
    ],
    [
      'a quota',
      { devices: mount('/a', '/b').replace('</', '<space_hard_limit/></') },
      '7:49',
      '<space_hard_limit>',
    ],
    ['no target', { devices: "<filesystem><source dir='/a'/></filesystem>" }, '7:1', 'needs <target'],
    [
      'a source file',
      { devices: "<filesystem><source file='/a'/><target dir='/b'/></filesystem>" },
      '7:13',
      'needs the attribute dir',
    ],
    [
      'too many',
      { devices: Array.from({ length: 64 }, (_, i) => mount('/a', `/m${i}`)).join('\n') },
      '70:1',
      'more than 64',
    ],
  ])('%s', (...row) => check(row));
});

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

describe('console, emulator and metadata', () => {
  test.each<Case>([
    ['a file console', { devices: "<console type='file'/>" }, '7:10', 'possible: pty'],
    [
      'two consoles',
      { devices: "<console type='pty'/>\n<console type='pty'/>" },
      '8:1',
      'a second <console>',
    ],
    [
      'a serial console',
      { devices: "<console type='pty'><target type='serial'/></console>" },
      '7:29',
      'possible: lxc',
    ],
    [
      'an emulator',
      { devices: '<emulator>/usr/bin/qemu</emulator>' },
      '7:1',
      '"/usr/bin/qemu" cannot be honoured',
    ],
    ['a disk', { devices: '<disk/>' }, '7:1', 'file systems, not disks'],
    [
      'two elements of one application',
      { more: "<metadata><a:b xmlns:a='urn:a'/><c xmlns='urn:a'/></metadata>" },
      '9:33',
      'a second element of the namespace "urn:a"',
    ],
    [
      'a namespace that is no URI',
      { more: "<metadata><a xmlns='urn:a b'/></metadata>" },
      '9:11',
      'the namespace "urn:a b" is not a URI',
    ],
    ['text in metadata', { more: '<metadata>x</metadata>' }, '9:1', 'text "x" in <metadata>'],
    [
      'an unknown thing of lxctools',
      { more: "<metadata><lxctools:x xmlns:lxctools='urn:l'>1</lxctools:x></metadata>" },
      '9:11',
      '<lxctools:x> in <metadata> cannot be honoured',
    ],
    [
      'a setting that does not move',
      { more: settings("<g:lxc><g:set key='lxc.hook.start-host' value='/x'/></g:lxc>") },
      '9:81',
      'does not come through a move',
    ],
    [
      'a setting with a line break',
      { more: settings("<g:lxc><g:set key='lxc.tty.max' value='1&#10;lxc.x'/></g:lxc>") },
      '9:99',
      'a control character',
    ],
    [
      'a relative file',
      { more: settings("<g:lxc><g:include file='x'/></g:lxc>") },
      '9:85',
      'not an absolute path',
    ],
    ['unknown settings', { more: settings('<g:checkpoint/>') }, '9:67', '<g:checkpoint> in <g:settings>'],
    ['a rootfs that flies', { more: settings("<g:rootfs policy='fly'/>") }, '9:77', 'possible: shared, copy'],
    [
      'what a shared rootfs leaves',
      { more: settings("<g:rootfs policy='shared' left='delete'/>") },
      '9:93',
      'leaves nothing behind',
    ],
    ['an unknown mode', { more: settings("<g:migration mode='teleport'/>") }, '9:80', 'possible: auto, cold'],
    ['too many rounds', { more: settings("<g:migration iterations='65'/>") }, '9:80', 'between 0 and 64'],
    ['no unit', { more: settings("<g:migration max-downtime='300'/>") }, '9:80', 'is not a time'],
    ['no time', { more: settings("<g:migration max-downtime='0ms'/>") }, '9:80', 'cannot be zero'],
    ['a year', { more: settings("<g:migration max-exposure='8760h'/>") }, '9:80', 'one day at most'],
    [
      'an unknown policy',
      { more: settings("<g:migration on-nonconverge='pray'/>") },
      '9:80',
      'possible: cutover',
    ],
    [
      'settings without namespace',
      { more: '<metadata><settings/></metadata>' },
      '9:11',
      '<settings> in <metadata> has no namespace',
    ],
  ])('%s', (...row) => check(row));
});

describe('device nodes of the host', () => {
  const caps = (type: string, source: string) =>
    `<hostdev mode='capabilities' type='${type}'><source>${source}</source></hostdev>`;
  test.each<Case>([
    ['a PCI card', { devices: "<hostdev mode='subsystem' type='pci'/>" }, '7:1', 'cannot be taken along'],
    ['one without mode', { devices: "<hostdev type='usb'/>" }, '7:1', 'mode "subsystem"'],
    [
      'a network card',
      { devices: caps('net', '<interface>eth0</interface>') },
      '7:30',
      'a network card of the host',
    ],
    ['another type', { devices: caps('scsi', '') }, '7:30', 'possible: misc, storage'],
    ['the wrong node', { devices: caps('misc', '<block>/dev/sda</block>') }, '7:42', '<source> needs <char>'],
    ['no source', { devices: "<hostdev mode='capabilities' type='misc'/>" }, '7:1', 'needs <source>'],
    [
      'a path elsewhere',
      { devices: caps('misc', '<char>/etc/shadow</char>') },
      '7:50',
      "no device of the host's /dev",
    ],
    [
      'a path that climbs',
      { devices: caps('misc', '<char>/dev/../etc/shadow</char>') },
      '7:50',
      '".." segment',
    ],
    [
      'one twice',
      {
        devices: `${caps('misc', '<char>/dev/fuse</char>')}\n${caps('storage', '<block>/dev/fuse</block>')}`,
      },
      '8:1',
      'given to the container twice',
    ],
    [
      'one over a file system',
      { devices: `${caps('misc', '<char>/dev/fuse</char>')}${mount('/a', '/dev/fuse')}` },
      '7:1',
      'twice',
    ],
  ])('%s', (...row) => check(row));
});
