import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { runCheck } from './check.ts';
import { hostChecks } from './host-checks.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-doctor-'));
  mkdirSync(join(dir, 'self'));
  mkdirSync(join(dir, 'sys/fs'), { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('hostChecks', () => {
  it.each([
    [67_108_864, 'ok', ''],
    [1_048_576, 'warning', 'sysctl -w fs.pipe-max-size=67108864'],
  ])('pipes of %i bytes: %s', async (bytes, status, hint) => {
    writeFileSync(join(dir, 'sys/fs/pipe-max-size'), `${bytes}\n`);
    expect(await look('pipe-size')).toMatchObject({ status, hint: expect.stringContaining(hint) });
  });

  it('wants /run on a tmpfs', async () => {
    expect(await look('run-tmpfs', '/proc')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('/proc'),
    });
    expect((await look('run-tmpfs', '/dev/shm')).status).toBe('ok');
  });

  it('tells whether the agent is root', async () => {
    expect((await look('root')).status).toBe(process.getuid?.() === 0 ? 'ok' : 'failed');
  });

  it('knows pure v2 and v1, and names what is missing', async () => {
    const v1 = 'cgroup /c/freezer cgroup rw,freezer 0 0';
    expect(await cgroups([v1])).toMatchObject({ status: 'ok', message: 'cgroup v1' });
    expect(await cgroups(['cgroup /c/memory cgroup rw,memory 0 0'])).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('freezer'),
    });
    expect(await cgroups(['proc /proc proc rw 0 0'])).toMatchObject({ status: 'failed' });
    expect(await cgroups([`cgroup2 ${dir} cgroup2 rw 0 0`], 'cpu memory pids')).toMatchObject({
      status: 'ok',
      message: 'cgroup v2 (cpu memory pids)',
    });
  });

  it('finds cgroup2 without controllers, on which lxc-checkpoint crashes', async () => {
    const mounts = ['cgroup /c/freezer cgroup rw,freezer 0 0', `cgroup2 ${dir} cgroup2 rw 0 0`];
    expect(await cgroups(mounts)).toMatchObject({
      status: 'failed',
      hint: expect.stringContaining(`echo +hugetlb > ${dir}/cgroup.subtree_control`),
    });
    expect(await cgroups(mounts, 'hugetlb')).toMatchObject({ status: 'ok' });
  });
});

async function look(name: string, run = dir) {
  const check = hostChecks({ proc: dir, run }).find((candidate) => candidate.name === name);
  return runCheck(systemClock, check!);
}

async function cgroups(mounts: string[], passedOn = '') {
  writeFileSync(join(dir, 'self/mounts'), `${mounts.join('\n')}\n`);
  writeFileSync(join(dir, 'cgroup.subtree_control'), `${passedOn}\n`);
  return look('cgroup');
}
