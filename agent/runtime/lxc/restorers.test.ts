import { expect, it } from 'vitest';
import { restores } from './restorers.ts';

const CRIU = ['/usr/sbin/criu', 'restore', '-D', '/x', '--cgroup-root', 'freezer:/lxc.payload.web'];

it('knows the restore of this very container', () => {
  expect(restores(CRIU, 'web')).toBe(true);
  expect(restores(['lxc-checkpoint', '-n', 'web', '-P', '/var/lib/lxc', '-r'], 'web')).toBe(true);
});

it('leaves everything else alone', () => {
  expect(restores(CRIU, 'we')).toBe(false);
  expect(restores(CRIU, 'b')).toBe(false);
  expect(restores(CRIU.with(1, 'dump'), 'web')).toBe(false);
  expect(restores(['criu', 'restore', '-D', '/lxc.payload.web'], 'web')).toBe(false);
  expect(restores(['lxc-checkpoint', '-n', 'web', '-s'], 'web')).toBe(false);
  expect(restores(['lxc-checkpoint', '-n', 'web-1', '-r'], 'web')).toBe(false);
  expect(restores([''], 'web')).toBe(false);
});
