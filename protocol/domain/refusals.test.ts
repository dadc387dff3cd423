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
      { more: '<disk/>' },
      '9:1',
      '<disk> in <domain> cannot be honoured: a container has file systems',
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
    [
      'a crash alone that restarts',
      { more: '<on_crash>restart</on_crash>' },
      '9:1',
      'does not tell a crash from a halt',
    ],
    ['a crash that dumps', { more: '<on_crash>coredump-destroy</on_crash>' }, '9:1', '<on_crash>'],
    ['a local clock', { more: "<clock offset='localtime'/>" }, '9:8', 'possible: utc'],
    [
      'clock timers',
      { more: "<clock offset='utc'><timer name='rtc'/></clock>" },
      '9:21',
      '<timer> in <clock>',
    ],
    [
      'another partition',
      { more: '<resource><partition>/a</partition></resource>' },
      '9:11',
      'possible: /machine',
    ],
    [
      'a shared namespace',
      { more: "<l:namespace xmlns:l='http://libvirt.org/schemas/domain/lxc/1.0'/>" },
      '9:1',
      'shares a namespace',
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
    ['more than fits', { memory: "<memory unit='EiB'>1</memory>" }, '3:1', 'is more than any node has'],
    ['elements inside', { memory: '<memory>1<b/></memory>' }, '3:10', '<b> in <memory>'],
    ['dumpCore', { memory: "<memory dumpCore='off'>1</memory>" }, '3:9', 'dumpCore="off"'],
    [
      'a balloon',
      { more: '<currentMemory>65537</currentMemory>' },
      '9:1',
      'is more than <memory>, 67108864 bytes',
    ],
    ['no vcpu', { more: '<vcpu>0</vcpu>' }, '9:1', 'between 1 and 4096'],
    ...['', 'all', '0-', '3-1', '-1', '0,,1', '^', '4096', '0-4294967295', '99999999999999999999', '1.5'].map(
      (cpuset): Case => [
        `the cpuset ${cpuset}`,
        { more: `<vcpu cpuset='${cpuset}'>2</vcpu>` },
        '9:7',
        'is not a list',
      ],
    ),
    ['an empty cpuset', { more: "<vcpu cpuset='1,^1'>2</vcpu>" }, '9:7', 'is empty'],
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
    ['a user without group', os('<inituser>redis</inituser>'), '4:21', '<inituser> needs <initgroup>'],
    [
      'a user that is none',
      os('<inituser>a b</inituser><initgroup>0</initgroup>'),
      '4:21',
      'neither a number nor a name',
    ],
    [
      'nobody at all',
      os('<inituser>4294967295</inituser><initgroup>0</initgroup>'),
      '4:21',
      'neither a number',
    ],
  ])('%s', (...row) => check(row));
});

describe('tuning', () => {
  const disk = (content: string) => ({ more: `<blkiotune><device>${content}</device></blkiotune>` });
  test.each<Case>([
    [
      'a guarantee',
      { more: '<memtune><min_guarantee>1</min_guarantee></memtune>' },
      '9:10',
      'does not know it either',
    ],
    ['no limit', { more: '<memtune><hard_limit>0</hard_limit></memtune>' }, '9:10', 'is not a whole number'],
    [
      'swap below memory',
      { more: '<memtune><swap_hard_limit>1</swap_hard_limit></memtune>' },
      '9:10',
      'memory and swap together',
    ],
    ['a share of nothing', { more: '<cputune><shares>1</shares></cputune>' }, '9:10', 'between 2 and 262144'],
    ['a short period', { more: '<cputune><period>999</period></cputune>' }, '9:10', 'between 1000 and'],
    ['a short quota', { more: '<cputune><quota>999</quota></cputune>' }, '9:10', 'between 1000 and'],
    [
      'two quotas',
      { more: '<cputune><quota>1000</quota><quota>1000</quota></cputune>' },
      '9:29',
      'a second <quota>',
    ],
    [
      'virtual processors',
      { more: "<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>" },
      '9:10',
      'no virtual processors',
    ],
    [
      'an emulator',
      { more: '<cputune><emulator_quota>-1</emulator_quota></cputune>' },
      '9:10',
      'limited as a whole',
    ],
    [
      'a preference',
      { more: "<numatune><memory mode='preferred' nodeset='0'/></numatune>" },
      '9:19',
      'possible: strict, restrictive',
    ],
    [
      'no nodes',
      { more: "<numatune><memory mode='strict'/></numatune>" },
      '9:11',
      'needs the attribute nodeset',
    ],
    [
      'advice',
      { more: "<numatune><memory placement='auto' nodeset='0'/></numatune>" },
      '9:19',
      'possible: static',
    ],
    [
      'too many nodes',
      { more: "<numatune><memory nodeset='0-1024'/></numatune>" },
      '9:19',
      'numbers below 1024',
    ],
    [
      'a heavy weight',
      { more: '<blkiotune><weight>1001</weight></blkiotune>' },
      '9:12',
      'between 100 and 1000',
    ],
    ['a disk without path', disk('<weight>100</weight>'), '9:12', '<device> needs <path>'],
    ['a relative disk', disk('<path>sda</path>'), '9:20', 'not an absolute path'],
    [
      'negative operations',
      disk('<path>/dev/a</path><read_iops_sec>-1</read_iops_sec>'),
      '9:39',
      'is not a whole number',
    ],
    [
      'a disk twice',
      { more: `<blkiotune>${'<device><path>/dev/a</path></device>'.repeat(2)}</blkiotune>` },
      '9:48',
      'a second <device>',
    ],
  ])('%s', (...row) => check(row));
});

describe('rights', () => {
  const caps = (content: string, policy = 'default') => ({
    more: `<features><capabilities policy='${policy}'>${content}</capabilities></features>`,
  });
  const map = (content: string) => ({ more: `<idmap>${content}</idmap>` });
  const id = (name: string, start: number, target: number, count: number) =>
    `<${name} start='${start}' target='${target}' count='${count}'/>`;
  const gid = id('gid', 0, 1, 1);
  test.each<Case>([
    ['another policy', caps('', 'maybe'), '9:25', 'possible: default, allow, deny'],
    ['an unknown capability', caps('<fly/>'), '9:42', '<fly> in <capabilities>'],
    ['a capability twice', caps("<chown state='on'/><chown state='off'/>"), '9:61', 'a second <chown>'],
    ['half a capability', caps("<chown state='half'/>"), '9:49', 'possible: on, off'],
    ['nobody mapped', map(gid), '9:1', "needs a <uid> with start='0'"],
    ['no root', map(`${id('uid', 1, 1, 1)}${gid}`), '9:1', "needs a <uid> with start='0'"],
    ['no count', map(`${id('uid', 0, 1, 0)}${gid}`), '9:34', 'count "0" is not a whole number'],
    ['ids beyond the last', map(`${id('uid', 0, 4294967294, 2)}${gid}`), '9:43', 'beyond the last id'],
    [
      'ids mapped twice',
      map(`${id('uid', 0, 1, 5)}${id('uid', 4, 100, 5)}${gid}`),
      '9:45',
      'maps ids in the container',
    ],
    [
      'targets mapped twice',
      map(`${id('uid', 0, 1, 5)}${id('uid', 9, 5, 5)}${gid}`),
      '9:45',
      'maps ids on the host',
    ],
    [
      'a dynamic label',
      { more: "<seclabel type='dynamic' model='selinux'/>" },
      '9:11',
      'possible: none, static',
    ],
    ['relabelling', { more: "<seclabel type='none' relabel='yes'/>" }, '9:23', 'possible: no'],
    [
      'another model',
      { more: "<seclabel type='static' model='dac'><label>+0</label></seclabel>" },
      '9:25',
      'possible: apparmor',
    ],
    ['no label', { more: "<seclabel type='static' model='apparmor'/>" }, '9:1', 'needs <label>'],
    ['two labels', { more: "<seclabel type='none'/><seclabel type='none'/>" }, '9:24', 'a second <seclabel>'],
  ])('%s', (...row) => check(row));
});
