import { expect, it } from 'vitest';
import { cgroup2Mount } from './cgroup-options.ts';

it('reads the options of the hierarchy, not those of its mount', () => {
  const mountinfo = `24 30 0:22 / /proc rw,nosuid - proc proc rw
29 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`;
  expect(cgroup2Mount(mountinfo)).toEqual({
    mountPoint: '/sys/fs/cgroup',
    options: ['nsdelegate', 'memory_recursiveprot'],
  });
});

it('finds none on a host with v1 alone', () => {
  expect(cgroup2Mount('29 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n')).toBeUndefined();
});
