import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cgroupHierarchies, cgroupOf, cgroupVersion } from './cgroup-paths.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'godwit-proc-'));
  mkdirSync(join(proc, 'self'));
  mkdirSync(join(proc, '7'));
});
afterEach(() => rmSync(proc, { recursive: true }));

function given(mountinfo: string, cgroup: string): void {
  writeFileSync(join(proc, 'self/mountinfo'), mountinfo);
  writeFileSync(join(proc, '7/cgroup'), cgroup);
}

it('finds each controller of a hybrid layout, also those that share a hierarchy', async () => {
  given(
    `30 20 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
`,
    '9:name=systemd:/lxc.payload.c/init.scope\n3:cpu,cpuacct:/lxc.payload.c\n2:memory:/lxc.payload.c\n0::/lxc.payload.c\n',
  );
  expect(await cgroupVersion(proc)).toBe('v1');
  const cut = (path: string) => path.replace('/init.scope', '');
  expect(await cgroupOf(7, { proc, cut })).toEqual({
    version: 'v1',
    dirs: {
      'name=systemd': '/sys/fs/cgroup/systemd/lxc.payload.c',
      cpu: '/sys/fs/cgroup/cpu,cpuacct/lxc.payload.c',
      cpuacct: '/sys/fs/cgroup/cpu,cpuacct/lxc.payload.c',
      memory: '/sys/fs/cgroup/memory/lxc.payload.c',
      unified: '/sys/fs/cgroup/unified/lxc.payload.c',
    },
  });
});

it('finds the one directory of cgroup v2, also without a cgroup namespace of its own', async () => {
  given('31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n', '0::/a/lxc.payload.c\n');
  expect(await cgroupOf(7, { proc })).toEqual({
    version: 'v2',
    dirs: { unified: '/sys/fs/cgroup/a/lxc.payload.c' },
  });
  given('31 30 0:27 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n', '0::/docker/1/lxc.payload.c\n');
  expect((await cgroupOf(7, { proc })).dirs.unified).toBe('/sys/fs/cgroup/lxc.payload.c');
});

it('takes the first mount of a hierarchy, not a file of it that is mounted over another', async () => {
  given(
    '31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n32 31 0:27 /x/cgroup.procs /sys/fs/cgroup/cgroup.procs rw - cgroup2 cgroup2 rw\n',
    '0::/lxc.payload.c\n',
  );
  expect((await cgroupHierarchies(proc)).map(({ mountPoint }) => mountPoint)).toEqual(['/sys/fs/cgroup']);
});

it('says so when there is nothing to find', async () => {
  given('30 20 0:26 / / rw - ext4 /dev/vda rw\n', '');
  await expect(cgroupVersion(proc)).rejects.toMatchObject({ code: 'HOST_FAILED' });
  await expect(cgroupOf(8, { proc })).rejects.toMatchObject({ code: 'HOST_FAILED' });
});
