import { describe, expect, test } from 'vitest';
import { type Case, check, refused } from './fixtures/refused.ts';

describe('the domain', () => {
  test('another root element', () => {
    expect(refused("<network type='lxc'/>")).toBe(
      'XML_REFUSED 1:1 the root element is <network>, not <domain>',
    );
  });

  test.each<Case>([
    [
      'another type',
      { domain: "<domain type='kvm'>" },
      '1:9',
      '"kvm" cannot be honoured; possible: lxc, lxctools',
    ],
    ['no type', { domain: '<domain>' }, '1:1', '<domain> needs the attribute type'],
    ['a live id', { domain: "<domain type='lxc' id='7'>" }, '1:20', 'virsh dumpxml --inactive'],
    [
      'an unknown element',
      { more: '<cputune/>' },
      '9:1',
      '<cputune> in <domain> cannot be honoured: only <vcpu>',
    ],
    ['__proto__', { more: '<__proto__/>' }, '9:1', '<__proto__> cannot be honoured'],
    ['constructor', { more: '<constructor/>' }, '9:1', '<constructor> cannot be honoured'],
    [
      'hasOwnProperty',
      { more: '<hasOwnProperty/>' },
      '9:1',
      '<hasOwnProperty> in <domain> cannot be honoured',
    ],
    ['toString as an attribute', { memory: "<memory toString='1'>1</memory>" }, '3:9', 'toString="1"'],
    [
      'a foreign namespace',
      { more: "<q:commandline xmlns:q='http://libvirt.org/q'/>" },
      '9:1',
      '(namespace "http://libvirt.org/q")',
    ],
    [
      'a foreign name that looks known',
      { more: "<uuid xmlns='urn:x'/>" },
      '9:1',
      '<uuid> (namespace "urn:x")',
    ],
    ['text', { more: 'hello' }, '1:1', 'text "hello" in <domain>'],
    ['a duplicate', { more: '<name>b</name>' }, '9:1', 'a second <name> in <domain>'],
    ['a processing instruction', { more: '<?php echo 1 ?>' }, '9:1', 'the processing instruction <?php?>'],
    ['no name', { name: '' }, '1:1', '<domain> needs <name>'],
    ['no memory', { memory: '' }, '1:1', '<domain> needs <memory>'],
    ['no os', { os: '' }, '1:1', '<domain> needs <os>'],
    ['a reboot that stops', { more: '<on_reboot>destroy</on_reboot>' }, '9:1', 'possible: restart'],
    ['a crash that dumps', { more: '<on_crash>coredump-destroy</on_crash>' }, '9:1', '<on_crash>'],
    ['a local clock', { more: "<clock offset='localtime'/>" }, '9:8', 'possible: utc'],
    [
      'clock timers',
      { more: "<clock offset='utc'><timer name='rtc'/></clock>" },
      '9:21',
      '<timer> in <clock>',
    ],
    ['features', { more: '<features><acpi/></features>' }, '9:11', '<acpi> in <features>'],
    ['a two-line title', { more: '<title>a\nb</title>' }, '9:1', 'a control character'],
  ])('%s', (...row) => check(row));
});

describe('names and uuids', () => {
  test.each(['../x', 'a/b', '..', '.hidden', '-x', 'a..b', '', 'a b', 'é', 'a'.repeat(64), 'a\u0085'])(
    'the name %j is refused',
    (name) => check(['', { name: `<name>${name}</name>` }, '2:1', 'is not a container name']),
  );

  test.each([
    'x',
    '00000000-0000-0000-0000-000000000000',
    '32dfcb37-5af1552b357cbe8c3aa38310',
    'g'.repeat(32),
  ])('the uuid %j is refused', (uuid) =>
    check(['', { more: `<uuid>${uuid}</uuid>` }, '9:1', 'is not a uuid']),
  );
});

describe('memory and processors', () => {
  test.each(['-1', '0', '1.5', '1e6', '0x10', 'many', '', '9007199254740993', '1 2', 'NaN', 'Infinity', '١'])(
    'memory of %j is refused',
    (size) => check(['', { memory: `<memory>${size}</memory>` }, '3:1', 'is not a whole number']),
  );

  test.each<Case>([
    ['an unknown unit', { memory: "<memory unit='bit'>1</memory>" }, '3:1', 'the unit "bit"'],
    ['more than fits', { memory: "<memory unit='EiB'>1</memory>" }, '3:1', 'is not a whole number'],
    ['elements inside', { memory: '<memory>1<b/></memory>' }, '3:10', '<b> in <memory>'],
    ['dumpCore', { memory: "<memory dumpCore='off'>1</memory>" }, '3:9', 'dumpCore="off"'],
    [
      'a balloon',
      { more: '<currentMemory>1</currentMemory>' },
      '9:1',
      'it must equal <memory>, 67108864 bytes',
    ],
    ['no vcpu', { more: '<vcpu>0</vcpu>' }, '9:1', 'between 1 and 4096'],
    ['processors by number', { more: "<vcpu cpuset='0-1'>2</vcpu>" }, '9:7', 'differ from node to node'],
    ['other placement', { more: "<vcpu placement='auto'>2</vcpu>" }, '9:7', 'possible: static'],
    ['fewer current ones', { more: "<vcpu current='1'>2</vcpu>" }, '9:7', 'it must equal the 2'],
  ])('%s', (...row) => check(row));
});

describe('os', () => {
  const os = (content: string) => ({ os: `<os><type>exe</type>${content}</os>` });
  test.each<Case>([
    ['a virtual machine', { os: '<os><type>hvm</type></os>' }, '4:5', 'possible: exe'],
    ['no type', { os: '<os/>' }, '4:1', '<os> needs <type>'],
    ['an unknown architecture', { os: "<os><type arch='vax'>exe</type></os>" }, '4:11', '"vax"'],
    ['a relative init', os('<init>sbin/init</init>'), '4:21', 'is not an absolute path'],
    ['an init with ..', os('<init>/sbin/../../init</init>'), '4:21', '".." segment'],
    ['an empty init', os('<init></init>'), '4:21', 'is not an absolute path'],
    ['the root as init', os('<init>/</init>'), '4:21', 'is not a program'],
    [
      'two lines in an argument',
      os('<initarg>a\nlxc.hook.start = /x</initarg>'),
      '4:21',
      'a control character',
    ],
    ['a tab by reference', os('<initarg>&#9;</initarg>'), '4:21', 'a control character'],
    ['an endless argument', os(`<initarg>${'x'.repeat(4097)}</initarg>`), '4:21', '4096 are the limit'],
    ['too many arguments', os('<initarg/>'.repeat(257)), '4:2581', 'more than 256 <initarg>'],
    ['a variable without name', os('<initenv>x</initenv>'), '4:21', 'needs the attribute name'],
    ['a variable with =', os("<initenv name='A=B'>x</initenv>"), '4:30', 'environment variable'],
    ['a variable twice', os("<initenv name='A'/><initenv name='A'/>"), '4:49', 'is given twice'],
    ['another user', os('<inituser>redis</inituser>'), '4:21', 'the init runs as root'],
  ])('%s', (...row) => check(row));
});
