import { describe, test } from 'vitest';
import { type Case, check } from './fixtures/refused.ts';

const settings = (content: string) =>
  `<metadata><g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'>${content}</g:settings></metadata>`;
const mount = (source: string, target: string) =>
  `<filesystem><source dir='${source}'/><target dir='${target}'/></filesystem>`;

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
