import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GodwitError } from '../../../../protocol/mod.ts';
import { formatConfig } from '../config.ts';
import { readSettings } from './read.ts';
import { type Circumstances, translate, wordsOf } from './translate.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-adopt-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const KNOWN: Circumstances = {
  name: 'old',
  cgroup: 'v1',
  appArmor: false,
  node: { memoryBytes: 8 * 1024 ** 3, cpus: 4 },
  limits: {},
  macs: new Map([['eth0', '66:c8:0f:28:40:ac']]),
  textOf: async () => '/srv/fstab-dir mnt/f none bind,ro,create=dir 0 0\n# a comment\n',
};

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

async function adopt(text: string, change: Partial<Circumstances> = {}) {
  return translate(await readSettings(file('config', text), 'old'), { ...KNOWN, ...change });
}

async function problemOf(text: string): Promise<string> {
  const error = await adopt(text).catch((reason: unknown) => reason);
  if (error instanceof GodwitError && error.code === 'LXC_REFUSED') return error.message;
  throw error instanceof Error ? error : new Error('it was adopted');
}

const ROOT = 'lxc.rootfs.path = dir:/srv/old\n';

describe('a configuration', () => {
  it('becomes a description, with what it includes', async () => {
    mkdirSync(join(dir, 'more.d'));
    file('more.d/b.conf', 'lxc.cap.drop = sys_time\n');
    file('more.d/a.conf', 'lxc.cap.drop = mac_admin sys_module\nlxc.tty.max = 4\n');
    file('more.d/ignored', 'lxc.cap.drop = nonsense\n');
    const { spec, notes } = await adopt(
      `# by hand
lxc.include = ${join(dir, 'more.d')}
lxc.include = ${file('common.conf', 'lxc.mount.auto = proc sys\nlxc.cgroup2.devices.deny = a\n')}
${ROOT}lxc.arch = linux64
lxc.uts.name = www
lxc.tty.max = 0
lxc.console.path = none
lxc.init.cmd = /sbin/app -x "two words"
lxc.init.uid = 33
lxc.environment = LANG=C.UTF-8
lxc.environment = LANG=de
lxc.prlimit.nofile = 1024
lxc.start.auto = 1
lxc.start.delay = 5
lxc.apparmor.profile = generated
lxc.apparmor.allow_nesting = 1
lxc.cgroup.memory.limit_in_bytes = 512M
lxc.cgroup.cpuset.cpus = 0-1
lxc.mount.entry = /srv/data data none bind,create=dir 0 0
lxc.mount.entry = /srv/a\\040b srv/old/../x none bind,optional 0 0
lxc.mount.fstab = /etc/old.fstab
lxc.mount.entry = tmpfs scratch tmpfs size=4m,create=dir 0 0
lxc.mount.entry = tmpfs run tmpfs mode=0755,nosuid 0 0
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx
lxc.net.0.veth.pair = vethold
lxc.net.0.ipv4.address = 10.0.0.2/24 10.0.0.255
lxc.net.0.ipv4.gateway = 10.0.0.1
lxc.net.1.type = empty
`.replace('srv/old/../x', '/srv/old/x'),
    );
    expect(spec).toMatchObject({
      name: 'old',
      arch: 'x86_64',
      memoryBytes: 512 * 1024 ** 2,
      vcpus: 4,
      cputune: { quotaUs: 'none' },
      cpuset: '0-1',
      console: false,
      os: {
        init: '/sbin/app',
        initArgs: ['-x', 'two words'],
        initEnv: [{ name: 'LANG', value: 'de' }],
        initUser: { user: '33', group: '0' },
      },
      root: { source: '/srv/old' },
      capabilities: { policy: 'allow', on: [], off: ['mac_admin', 'sys_module', 'sys_time'] },
      filesystems: [
        { type: 'mount', source: '/srv/data', target: '/data', readonly: false },
        { type: 'ram', bytes: 4 * 1024 ** 2, target: '/scratch', readonly: false },
        { type: 'mount', source: '/srv/fstab-dir', target: '/mnt/f', readonly: true },
      ],
      interfaces: [
        {
          bridge: 'br0',
          mac: '66:c8:0f:28:40:ac',
          guestName: 'eth0',
          addresses: [{ family: 'ipv4', address: '10.0.0.2', prefix: 24 }],
          routes: [{ family: 'ipv4', address: '0.0.0.0', prefix: 0, gateway: '10.0.0.1' }],
        },
      ],
      lxc: [
        { key: 'lxc.cgroup2.devices.deny', value: 'a' },
        { key: 'lxc.mount.entry', value: '/srv/a\\040b /srv/old/x none bind,optional 0 0' },
        { key: 'lxc.mount.entry', value: 'tmpfs run tmpfs mode=0755,nosuid 0 0' },
        { key: 'lxc.uts.name', value: 'www' },
        { key: 'lxc.mount.auto', value: 'proc sys' },
        { key: 'lxc.prlimit.nofile', value: '1024' },
      ],
    });
    expect(notes).toEqual([
      expect.stringContaining('lxc.start.auto'),
      expect.stringContaining('lxc.start.delay'),
      expect.stringContaining('AppArmor'),
    ]);
  });

  it('that godwit wrote comes back as the same one', async () => {
    const node = {
      cgroup: 'v2',
      appArmor: true,
      fileSources: new Set<string>(),
      networks: {},
      devices: new Map(),
    } as const;
    const first = await adopt(`${ROOT}lxc.cap.keep = chown\nlxc.idmap = b 0 1000 500\n`, {
      cgroup: 'v2',
      appArmor: true,
    });
    const text = formatConfig(first.spec, node);
    const again = await adopt(text, { cgroup: 'v2', appArmor: true });
    expect({ ...again.spec, seclabel: undefined }).toEqual({ ...first.spec, seclabel: undefined });
    expect(first.spec).toMatchObject({
      capabilities: { policy: 'deny', on: ['chown'] },
      idmap: { uid: [{ target: 1000 }] },
    });
  });

  it('takes the limits in force before the lines, and an empty value for a taking back', async () => {
    const { spec } = await adopt(
      `${ROOT}lxc.cap.drop = sys_time\nlxc.cap.drop =\nlxc.cgroup.memory.limit_in_bytes = 1G\nlxc.cgroup.cpu.shares = 7\n`,
      {
        limits: {
          ...{ memoryBytes: 64 * 1024 ** 2, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 },
          ...{ cpuShares: 300, processors: '1', memoryNodes: '0' },
        },
      },
    );
    expect(spec.capabilities?.off).toEqual([]);
    expect(spec).toMatchObject({
      memoryBytes: 64 * 1024 ** 2,
      vcpus: 2,
      cputune: { quotaUs: 150_000, shares: 300 },
      cpuset: '1',
      numatune: { mode: 'strict', nodeset: '0' },
    });
  });

  it.each([
    [
      'lxc.hook.pre-start = /bin/x',
      'config:2: lxc.hook.pre-start = /bin/x: it would not come through a move',
    ],
    ['lxc.namespace.share.net = other', 'lxc.namespace.share.net'],
    ['lxc.net.0.type = phys\nlxc.net.0.link = eth1', 'config:2: lxc.net.0.type = phys: only a veth'],
    ['lxc.net.0.type = none', 'lxc.net.0.type = none: only a veth'],
    [
      'lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net.0.script.up = /x',
      'config:4: lxc.net.0.script.up = /x',
    ],
    ['lxc.rootfs.path = overlay:/a:/b', 'only a directory can be the root'],
    ['lxc.cap.drop = bpf', 'no element says bpf'],
    ['lxc.mount.entry = /dev/sdb1 data ext4 defaults 0 0', 'such a mount would not come through a move'],
    ['lxc.mount.entry = /a ../../etc none bind 0 0', 'such a mount'],
    ['lxc.environment = LANG', 'a variable is taken over'],
    ['lxc.arch = vax', 'lxc.arch = vax'],
    ['nonsense', 'config:2: "nonsense" is not a setting'],
    ['lxc.include = /nowhere.conf', 'config:2: the included /nowhere.conf is not there'],
    ['lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net.0.mtu = huge', 'the MTU'],
  ])('is refused by name and place: %s', async (lines, problem) => {
    expect(await problemOf(`${ROOT}${lines}\n`)).toContain(problem);
  });

  it('that includes itself is refused', async () => {
    expect(await problemOf(`${ROOT}lxc.include = ${join(dir, 'config')}\n`)).toContain(
      'too many included files',
    );
  });
});

it('reads a command as LXC does', () => {
  expect(wordsOf(`/a b "c d" '"e"' ""`)).toEqual(['/a', 'b', 'c d', '"e"', '']);
});
