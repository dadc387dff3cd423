import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../effects/clock.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { freezeCgroup, freezeFile, isFrozen, killCgroup, thawCgroup } from './freeze.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-freeze-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const v1 = (): CgroupPaths => ({ version: 'v1', dirs: { freezer: dir } });
const v2 = (): CgroupPaths => ({ version: 'v2', dirs: { unified: dir } });
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
const get = (name: string) => readFileSync(join(dir, name), 'utf8').trim();

/** A clock whose pauses are the kernel's turn. */
function kernel(turn: () => void): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: (ms) => {
      nowMs += ms;
      turn();
      return Promise.resolve();
    },
    after: () => () => {},
  };
}

const idle = kernel(() => {});

describe('cgroup v1', () => {
  it('waits until the kernel says FROZEN, and again until it does not', async () => {
    put('freezer.state', 'THAWED\n');
    let turns = 0;
    const slow = kernel(() => {
      turns += 1;
      if (get('freezer.state').startsWith('FROZEN'))
        put('freezer.state', turns < 3 ? 'FREEZING\n' : 'FROZEN\n');
      else if (turns >= 3) put('freezer.state', 'FROZEN\n');
    });
    // The first look sees the value just written; a real kernel would say FREEZING there.
    await freezeCgroup(v1(), slow);
    expect(await isFrozen(v1())).toBe(true);
    await thawCgroup(v1(), idle);
    expect(get('freezer.state')).toBe('THAWED');
  });

  it('kills every process of the tree before it thaws it', async () => {
    mkdirSync(join(dir, 'child'));
    put('freezer.state', 'FROZEN\n');
    put('child/freezer.state', 'FROZEN\n');
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
    // 0 stands for a task outside the pid namespace; killing "0" would end this test run.
    put('cgroup.procs', '0\n');
    put('child/cgroup.procs', `${child.pid}\n`);
    const emptied = kernel(() => {
      put('cgroup.procs', '');
      put('child/cgroup.procs', '');
    });
    await killCgroup(v1(), emptied);
    expect(await ended).toBe('SIGKILL');
    expect(get('child/freezer.state')).toBe('THAWED');
  });

  it('gives up on a cgroup that never empties', async () => {
    put('freezer.state', 'THAWED\n');
    put('cgroup.procs', '0\n');
    await expect(killCgroup(v1(), idle)).rejects.toMatchObject({ code: 'HOST_FAILED' });
  });

  it('tells a hook script what to write', () => {
    expect(freezeFile(v1())).toEqual({ file: join(dir, 'freezer.state'), value: 'FROZEN' });
  });
});

describe('cgroup v2', () => {
  it('waits for the frozen event of the kernel', async () => {
    put('cgroup.freeze', '0\n');
    put('cgroup.events', 'populated 1\nfrozen 0\n');
    const obeying = kernel(() => put('cgroup.events', `populated 1\nfrozen ${get('cgroup.freeze')}\n`));
    await freezeCgroup(v2(), obeying);
    expect(get('cgroup.freeze')).toBe('1');
    await thawCgroup(v2(), obeying);
    expect(get('cgroup.freeze')).toBe('0');
  });

  it('kills through cgroup.kill', async () => {
    put('cgroup.kill', '');
    put('cgroup.freeze', '1');
    put('cgroup.procs', '0\n');
    const obeying = kernel(() => put('cgroup.procs', get('cgroup.kill') === '1' ? '' : '0\n'));
    await killCgroup(v2(), obeying);
    expect(get('cgroup.freeze')).toBe('0');
  });

  it('says so when the kernel does not freeze', async () => {
    put('cgroup.freeze', '0\n');
    put('cgroup.events', 'frozen 0\n');
    await expect(freezeCgroup(v2(), idle)).rejects.toMatchObject({ code: 'HOST_FAILED' });
  });

  it('tells a hook script what to write', () => {
    expect(freezeFile(v2())).toEqual({ file: join(dir, 'cgroup.freeze'), value: '1' });
  });
});

it('takes a cgroup that is gone as thawed and empty', async () => {
  rmSync(dir, { recursive: true });
  await thawCgroup(v1(), idle);
  await killCgroup(v1(), idle);
  await killCgroup(v2(), idle);
  expect(await isFrozen(v2())).toBe(false);
});

it('refuses a cgroup without a freezer', async () => {
  await expect(freezeCgroup({ version: 'v1', dirs: {} }, idle)).rejects.toThrow(/no freezer/);
});
