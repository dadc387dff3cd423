import { describe, test } from 'vitest';
import { type Case, check } from './fixtures/refused.ts';

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

describe('volumes', () => {
  const domain = "<domain type='lxc' xmlns:g='https://godwit.dev/xmlns/domain/1'>";
  const settings = (content: string) => ({
    domain,
    more: `<metadata><g:settings>${content}</g:settings></metadata>`,
  });
  const volume = "<g:rootfs policy='shared'/><g:volume target='/b' policy='copy'/>";
  test.each<Case>([
    [
      'a kept root',
      { ...settings("<g:rootfs policy='copy'/>"), devices: mount('/srv/web.migrated', '/b') },
      '9:1',
      'is where godwit puts',
    ],
    [
      'a part of a kept volume',
      { ...settings(volume), devices: `${mount('/a', '/b')}${mount('/a.migrated/c', '/c')}` },
      '9:1',
      'is where godwit puts',
    ],
    [
      'a root where a volume is kept',
      { ...settings(volume), devices: mount('/srv/web', '/b'), root: mount('/srv/web.migrated', '/') },
      '9:1',
      'is where godwit puts',
    ],
    [
      'what an overlay needs',
      { ...settings("<g:rootfs policy='copy' lower='/l'/>"), devices: mount('/srv/web.work', '/b') },
      '9:1',
      'is where godwit puts',
    ],
    [
      'it as a lower directory',
      settings("<g:rootfs policy='copy' lower='/srv/web.work'/>"),
      '9:1',
      'is where godwit puts',
    ],
  ])('%s', (...row) => check(row));
});
