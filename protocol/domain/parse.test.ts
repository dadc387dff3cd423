import { describe, expect, test } from 'vitest';
import { fixture, minimal } from './fixtures/documents.ts';
import { parseDomain } from './mod.ts';
import type { DomainSpec } from './spec.ts';

const parse = (xml: string): DomainSpec => parseDomain(xml, { file: 'test.xml' });
const memory = (element: string): number => parse(minimal({ memory: element })).memoryBytes;

describe('a complete document', () => {
  test('is read with every value', () => {
    expect(parse(fixture('redis.xml'))).toEqual({
      name: 'redis',
      uuid: '6e5e7f0c-96a9-4c8e-9f3a-0f3c5b1f2a11',
      title: 'Redis & friends',
      description: 'Keeps <keys>, all of them.\nSecond line.',
      memoryBytes: 512 * 1024 ** 2,
      vcpus: 2,
      arch: 'x86_64',
      os: {
        init: '/usr/bin/redis-server',
        initArgs: ['--save', '', '--requirepass', '<&>'],
        initEnv: [{ name: 'LANG', value: 'C.UTF-8' }],
        initDir: '/var/lib/redis',
      },
      root: { type: 'mount', source: '/srv/containers/redis', target: '/', readonly: false },
      filesystems: [{ type: 'mount', source: '/srv/shared data', target: '/mnt/data', readonly: true }],
      interfaces: [
        {
          bridge: 'br0',
          mac: '00:16:3e:aa:bb:cc',
          guestName: 'eth0',
          addresses: [
            { family: 'ipv4', address: '10.77.1.10', prefix: 16 },
            { family: 'ipv6', address: '2001:db8::1', prefix: 64 },
          ],
        },
        {
          bridge: 'br1',
          mac: expect.stringMatching(/^02(:[0-9a-f]{2}){5}$/),
          guestName: 'eth1',
          addresses: [],
        },
      ],
      console: true,
      policy: {
        mode: 'postcopy',
        rootfs: 'shared',
        iterations: 'dynamic',
        maxDowntimeMs: 300,
        maxExposureMs: 10_000,
        onNonconverge: 'cutover',
      },
    });
  });

  test('as libvirt-lxc writes it is accepted unchanged', () => {
    const spec = parse(fixture('libvirt-lxc.xml'));
    expect(spec).toMatchObject({ name: 'vm1', memoryBytes: 1024 ** 3, vcpus: 2, console: true });
    expect(spec.os).toEqual({ init: '/sbin/init', initArgs: [], initEnv: [] });
    expect(spec.interfaces[0]?.mac).toBe('52:54:00:bb:64:ee');
  });
});

describe('defaults', () => {
  test('of the smallest document', () => {
    expect(parse(minimal())).toEqual({
      name: 'web',
      uuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      memoryBytes: 64 * 1024 ** 2,
      vcpus: 1,
      os: { init: '/sbin/init', initArgs: [], initEnv: [] },
      root: { type: 'mount', source: '/srv/web', target: '/', readonly: false },
      filesystems: [],
      interfaces: [],
      console: false,
      policy: { mode: 'auto', rootfs: 'shared' },
    });
  });

  test('uuid and MAC addresses are the same each time, and differ from name to name and index to index', () => {
    const devices = "<interface type='bridge'><source bridge='br0'/></interface>".repeat(2);
    const [web, again, other] = ['web', 'web', 'web2'].map((name) =>
      parse(minimal({ name: `<name>${name}</name>`, devices })),
    );
    expect(web).toEqual(again);
    expect(other?.uuid).not.toBe(web?.uuid);
    const macs = [web, other].flatMap((spec) => spec?.interfaces.map(({ mac }) => mac));
    expect(new Set(macs).size).toBe(4);
  });

  test('an uuid without dashes is the same uuid', () => {
    const more = '<uuid>32DFCB375AF1552B357CBE8C3AA38310</uuid>';
    expect(parse(minimal({ more })).uuid).toBe('32dfcb37-5af1-552b-357c-be8c3aa38310');
  });
});

describe('sizes', () => {
  test.each([
    ['<memory>2</memory>', 2048],
    ["<memory unit='b'>4096</memory>", 4096],
    ["<memory unit='bytes'>4097</memory>", 4097],
    ["<memory unit='KB'>5</memory>", 5000],
    ["<memory unit='k'>5</memory>", 5120],
    ["<memory unit='m'>1</memory>", 1024 ** 2],
    ["<memory unit='MB'>1</memory>", 1e6],
    ["<memory unit='GiB'>3</memory>", 3 * 1024 ** 3],
    ["<memory unit='TiB'> 1\n</memory>", 1024 ** 4],
  ])('%s', (element, bytes) => {
    expect(memory(element)).toBe(bytes);
  });
});

describe('the text of values', () => {
  const title = (content: string) => parse(minimal({ more: `<title>${content}</title>` })).title;

  test('predefined entities and character references stand for their characters', () => {
    expect(title('&lt;&gt;&amp;&quot;&apos; &#65;&#x42;&#x1F600;')).toBe('<>&"\' AB\u{1F600}');
  });

  test('a reference is decoded once', () => {
    expect(title('&amp;lt; &amp;#65;')).toBe('&lt; &#65;');
  });

  test('CDATA is taken as it is, comments are not part of it', () => {
    expect(title('a<![CDATA[&lt;]]><!-- <b> -->c')).toBe('a&lt;c');
  });

  test('numbers, booleans and the names of object members stay text', () => {
    expect(['0x10', '1e3', 'true', '__proto__', '0012'].map((text) => title(text))).toEqual([
      '0x10',
      '1e3',
      'true',
      '__proto__',
      '0012',
    ]);
  });

  test('attribute values are decoded, and literal white space in them counts as blanks', () => {
    const root = "<filesystem><source dir='/a&amp;&#x62;\tc'/><target dir='/'/></filesystem>";
    expect(parse(minimal({ root })).root.source).toBe('/a&b c');
  });

  test('line ends and a byte order mark make no difference', () => {
    const lf = fixture('redis.xml');
    expect(parse(`\uFEFF${lf.replaceAll('\n', '\r\n')}`)).toEqual(parse(lf));
    expect(parse(lf.replaceAll('\n', '\r'))).toEqual(parse(lf));
  });
});

describe('namespaces', () => {
  const policy = (more: string) => parse(minimal({ more })).policy;
  const uri = 'https://godwit.dev/xmlns/domain/1';

  test('godwit settings are known by their namespace, whatever the prefix', () => {
    for (const [prefix, declared] of [
      ['godwit:', `xmlns:godwit='${uri}'`],
      ['x:', `xmlns:x="${uri}"`],
      ['', `xmlns='${uri}'`],
    ] as const) {
      const settings = `<${prefix}settings ${declared}><${prefix}migration mode='cold'/></${prefix}settings>`;
      expect(policy(`<metadata>${settings}</metadata>`).mode).toBe('cold');
    }
  });

  test('a declaration may stand on the root element', () => {
    const xml = minimal({
      domain: `<domain type='lxctools' xmlns:g='${uri}'>`,
      more: "<metadata><g:settings><g:migration iterations='3' max-downtime='2s'/></g:settings></metadata>",
    });
    expect(parse(xml).policy).toEqual({ mode: 'auto', rootfs: 'shared', iterations: 3, maxDowntimeMs: 2000 });
  });

  test('empty metadata means the defaults', () => {
    expect(policy('<metadata/>')).toEqual({ mode: 'auto', rootfs: 'shared' });
  });
});
