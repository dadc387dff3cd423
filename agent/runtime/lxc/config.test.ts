import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import { CONFIG_MARK, formatConfig, type NodeFacts } from './config.ts';

const V1: NodeFacts = {
  cgroup: 'v1',
  appArmor: false,
  fileSources: new Set(),
  networks: { lan: 'br7' },
  devices: new Map([['/dev/vda', '254:0']]),
};
const SPEC: DomainSpec = {
  name: 'web-1.a',
  uuid: '6b3a6e0e-5d8a-4f2b-9b59-0f6a1f0c0a01',
  memoryBytes: 128 * 1024 * 1024,
  vcpus: 2,
  os: {
    init: '/bin/redis-server',
    initArgs: ['/etc/redis.conf'],
    initEnv: [{ name: 'A', value: ' b="c" ' }],
  },
  root: { type: 'mount', source: '/srv/roots/web', target: '/', readonly: false },
  filesystems: [
    { type: 'mount', source: '/srv/my data', target: '/data/', readonly: true },
    { type: 'mount', source: '/etc/hosts', target: '/etc/hosts', readonly: false },
  ],
  interfaces: [
    {
      bridge: 'br0',
      mac: '52:54:00:00:00:01',
      guestName: 'eth0',
      addresses: [
        { family: 'ipv4', address: '10.77.1.1', prefix: 16 },
        { family: 'ipv6', address: 'fd77::1', prefix: 64 },
      ],
    },
  ],
  console: false,
  policy: { mode: 'auto', rootfs: 'shared' },
};

/** Reads a configuration as LXC does: lines, first '=', blanks trimmed, one pair of quotes stripped. */
function parseAsLxc(text: string): [string, string][] {
  return text
    .split(/[\r\n\0]/)
    .filter((line) => line.trimStart().startsWith('lxc.'))
    .map((line) => {
      const at = line.indexOf('=');
      const value = line.slice(at + 1).trim();
      const quoted = value.length > 1 && /^["']/.test(value) && value.at(-1) === value[0];
      return [line.slice(0, at).trim(), quoted ? value.slice(1, -1) : value];
    });
}

const settings = (spec: DomainSpec, node = V1) => parseAsLxc(formatConfig(spec, node));
const valuesOf = (spec: DomainSpec, key: string, node = V1) =>
  settings(spec, node).flatMap(([name, value]) => (name === key ? [value] : []));

function problemOf(spec: DomainSpec): string {
  try {
    formatConfig(spec, V1);
  } catch (error) {
    if (error instanceof GodwitError && error.code === 'UNSUPPORTED') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the LXC configuration of a container', () => {
  it('holds what the XML said, word for word', () => {
    const all = Object.fromEntries(settings(SPEC));
    expect(all).toMatchObject({
      'lxc.uts.name': 'web-1.a',
      'lxc.rootfs.path': 'dir:/srv/roots/web',
      'lxc.init.cmd': '/bin/redis-server /etc/redis.conf',
      'lxc.environment': 'A= b="c" ',
      'lxc.signal.halt': 'SIGTERM',
      'lxc.autodev': '1',
      'lxc.tty.max': '0',
      'lxc.console.path': 'none',
      'lxc.net.0.type': 'veth',
      'lxc.net.0.link': 'br0',
      'lxc.net.0.name': 'eth0',
      'lxc.net.0.flags': 'up',
      'lxc.net.0.hwaddr': '52:54:00:00:00:01',
      'lxc.net.0.ipv4.address': '10.77.1.1/16',
      'lxc.net.0.ipv6.address': 'fd77::1/64',
    });
    expect(all['lxc.net.0.veth.pair']).toMatch(/^gw[0-9a-f]{9}n0$/);
  });

  it('mounts directories and files, blanks escaped as in fstab', () => {
    const node = { ...V1, fileSources: new Set(['/etc/hosts']) };
    expect(valuesOf(SPEC, 'lxc.mount.entry', node)).toEqual([
      '/srv/my\\040data data none bind,ro,create=dir 0 0',
      '/etc/hosts etc/hosts none bind,create=file 0 0',
    ]);
  });

  it('writes limits for cgroup2 only, because LXC 7 refuses those of v1', () => {
    const v2 = { ...V1, cgroup: 'v2' } as const;
    expect(valuesOf(SPEC, 'lxc.cgroup2.memory.max', v2)).toEqual(['134217728']);
    expect(valuesOf(SPEC, 'lxc.cgroup2.cpu.max', v2)).toEqual(['200000 100000']);
    expect(formatConfig(SPEC, V1)).not.toMatch(/cgroup/);
  });

  it('names an AppArmor profile only where there is AppArmor', () => {
    expect(valuesOf(SPEC, 'lxc.apparmor.profile')).toEqual([]);
    expect(valuesOf(SPEC, 'lxc.apparmor.profile', { ...V1, appArmor: true })).toEqual(['unconfined']);
  });

  it('leaves the halt signal to LXC when a real init runs', () => {
    const init = { ...SPEC, os: { ...SPEC.os, init: '/sbin/init' } };
    expect(valuesOf(init, 'lxc.signal.halt')).toEqual([]);
  });

  it('isolates a container without interfaces', () => {
    expect(valuesOf({ ...SPEC, interfaces: [] }, 'lxc.net.0.type')).toEqual(['empty']);
  });

  it.each([
    ['bridge', { interfaces: [{ ...SPEC.interfaces[0]!, bridge: 'br0\nlxc.hook.start-host = /bin/x' }] }],
    ['interface name', { interfaces: [{ ...SPEC.interfaces[0]!, guestName: 'a-name-that-is-too-long' }] }],
    ['MAC address', { interfaces: [{ ...SPEC.interfaces[0]!, mac: '52:54:00:00:00' }] }],
    ['initenv name', { os: { ...SPEC.os, initEnv: [{ name: 'A B', value: '' }] } }],
    ['line break', { os: { ...SPEC.os, initEnv: [{ name: 'A', value: 'x\nlxc.cap.drop =' }] } }],
    ['filesystem source', { filesystems: [{ ...SPEC.filesystems[0]!, source: '/srv/../etc' }] }],
    ['filesystem target', { filesystems: [{ ...SPEC.filesystems[0]!, target: '/a:b' }] }],
    ['root source', { root: { ...SPEC.root, source: 'relative' } }],
    ['read-only root', { root: { ...SPEC.root, readonly: true } }],
  ] as [string, Partial<DomainSpec>][])('refuses by name what it cannot express: %s', (what, change) => {
    expect(problemOf({ ...SPEC, ...change })).toContain(what);
  });

  it('never lets a value add or change a setting', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\n', '\r', '\0', '"', "'", '\\', '=', '#'),
    );
    const text = fc.array(nasty, { maxLength: 4 }).map((parts) => parts.join(''));
    const keys = settings(SPEC).map(([key]) => key);
    fc.assert(
      fc.property(text, text, text, text, (value, argument, path, link) => {
        const spec: DomainSpec = {
          ...SPEC,
          os: { ...SPEC.os, initArgs: [argument], initEnv: [{ name: 'A', value }] },
          filesystems: SPEC.filesystems.map((entry) => ({
            ...entry,
            source: `/${path}`,
            target: `/t${path}`,
          })),
          interfaces: [{ ...SPEC.interfaces[0]!, bridge: link || 'br0' }],
        };
        let written: [string, string][];
        try {
          written = settings(spec);
        } catch (error) {
          return error instanceof GodwitError && ['UNSUPPORTED', 'NAME_INVALID'].includes(error.code);
        }
        const same = written.map(([key]) => key).filter((key) => key !== 'lxc.init.cmd');
        expect(same).toEqual(keys.filter((key) => key !== 'lxc.init.cmd'));
        expect(written.find(([key]) => key === 'lxc.environment')?.[1]).toBe(`A=${value}`);
        return formatConfig(spec, V1).startsWith(CONFIG_MARK);
      }),
      { numRuns: 60 },
    );
  }, 30_000);
});
