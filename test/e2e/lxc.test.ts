import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTree } from '../support/build.ts';

const run = promisify(execFile);
const LAB = new URL('../../deploy/lab/lab', import.meta.url).pathname;
const DRIVER = '/usr/lib/godwit/dist/test/e2e/support/lxc-driver.js';
const INSTANCE = process.env.GODWIT_LAB ?? 'lxc';
const SHARED = `/var/lib/godwit-lab/${INSTANCE}/shared`;
const STOPPED = { name: 'lxctest', state: 'stopped' };
const LIMITS_OF_SPEC = { memoryBytes: 96 * 1024 * 1024, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 };

function lab(...args: string[]): Promise<{ stdout: string }> {
  return run(LAB, args, {
    env: { ...process.env, GODWIT_LAB: INSTANCE },
    timeout: 280_000,
    maxBuffer: 16 * 1024 * 1024,
  });
}

/** Runs one scenario of the driver inside n1; see support/lxc-driver.ts. */
async function scenario(name: string) {
  const { stdout } = await lab('exec', 'n1', '--', 'node', DRIVER, name, '/srv/godwit/lxctest');
  return JSON.parse(stdout);
}

describe.skipIf(process.getuid?.() !== 0)('LXC containers in a lab node', () => {
  beforeAll(async () => {
    buildTree();
    await lab('up', '--no-agent', '--nodes', '1');
    await lab('rootfs', 'generic', 'lxctest');
    mkdirSync(`${SHARED}/lxctest.data dir`, { recursive: true });
    writeFileSync(`${SHARED}/lxctest.data dir/x`, 'hello\n');
  }, 600_000);

  afterAll(() => lab('down'), 120_000);

  it('starts, runs commands, reads limits and load back, stops without a trace', async () => {
    const seen = await scenario('life');
    expect(seen.started).toMatchObject({ name: 'lxctest', state: 'running', pid: expect.any(Number) });
    expect(seen.list).toContainEqual(seen.started);
    expect(seen.cmdline.slice(-3)).toEqual(['with space', '', `both ' and "`]);
    expect(seen.greeting).toBe('GREETING= hello "world" = # ');
    expect(seen.limits).toEqual(LIMITS_OF_SPEC);
    expect(seen.stats).toMatchObject({ processes: 1 });
    expect(seen.stats.memoryBytes).toBeGreaterThan(0);
    expect(seen.exec).toEqual({ exitCode: 7, stdout: 'out\nhello\n', stderr: 'err\n' });
    expect(seen.readonly.stderr).toMatch(/Read-only file system/);
    expect(seen.addresses).toMatch(/52:54:00:77:00:01[\s\S]*10\.77\.1\.77\/16[\s\S]*fd77::77\/64/);
    expect(seen.long).toBe(384 * 1024);
    expect(seen.status).toEqual(STOPPED);
    expect(seen.left).toEqual([]);
  });

  it('says what is wrong with a command, a state or a start', async () => {
    const life = await scenario('life');
    expect(life.missing).toMatchObject({ code: 'EXEC_FAILED', message: expect.stringContaining('nosuch') });
    expect(life.hanging.code).toBe('CHILD_TIMEOUT');
    expect(life.hangingLeft).toBe('0');
    for (const refused of [life.twice, life.sweepWhileRunning, life.undefineWhileRunning, life.execStopped]) {
      expect(refused.code).toBe('CONTAINER_STATE');
    }
    const bad = await scenario('badStart');
    expect(bad.missingInit).toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('/nosuch'),
    });
    expect(bad.missingBridge).toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('nosuch0'),
    });
    expect(bad.left).toEqual([]);
  });

  it('restores a container again and again, with its limits, and LXC owns it each time', async () => {
    const seen = await scenario('hops');
    expect(seen.hops).toHaveLength(3);
    for (const hop of seen.hops) {
      expect(hop.between).toEqual([]);
      expect(hop.status).toMatchObject({ state: 'running', pid: expect.any(Number) });
      expect(hop.limits).toEqual(LIMITS_OF_SPEC);
      expect(hop.countedAfter).toBe(true);
      expect(hop.exec).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
    }
    expect(seen.bridgeAfter).toBe(seen.bridgeBefore);
    expect(seen.status).toEqual(STOPPED);
    expect(seen.left).toEqual([]);
  });

  it('kills everything of a restore that is aborted, late, refused or orphaned, and says why', async () => {
    const seen = await scenario('badRestore');
    expect(seen.whileHeld).toMatchObject({ state: 'unknown', pid: expect.any(Number) });
    expect(seen.aborted.code).toBe('MOVE_ABORTED');
    expect(seen.leftAborted).toEqual([]);
    expect(seen.seenBySuccessor).toMatchObject({ state: 'unknown', pid: expect.any(Number) });
    expect(seen.orphanEnd.code).toBe('RESTORE_FAILED');
    expect(seen.leftOrphaned).toEqual([]);
    expect(seen.deadline).toMatchObject({
      code: 'RESTORE_FAILED',
      message: expect.stringContaining('1500 ms'),
    });
    expect(seen.leftLate).toEqual([]);
    expect(seen.refused).toMatchObject({
      code: 'RESTORE_FAILED',
      message: expect.stringContaining('/bin/false'),
    });
    expect(seen.garbage).toMatchObject({
      code: 'RESTORE_FAILED',
      message: expect.stringContaining('core-1.img'),
    });
    expect(seen.status).toEqual(STOPPED);
    expect(seen.left).toEqual([]);
  });

  it('freezes and thaws from outside, and kills what is frozen', async () => {
    const seen = await scenario('freezing');
    expect(seen).toMatchObject({ frozen: true, stoodStill: true, state: 'frozen', grew: true, alive: false });
    expect(seen.exec.code).toBe('CONTAINER_STATE');
    expect(seen.left).toEqual([]);
  });

  it("removes criu's network lock, both kinds, and nothing else", async () => {
    const seen = await scenario('lock');
    expect(seen.iptables.leftLocked).toMatch(/-A CRIU -j DROP/);
    expect(seen.nftables.leftLocked).toMatch(/table inet CRIU-/);
    for (const { failed, after } of [seen.iptables, seen.nftables]) {
      expect(failed).toBe(true);
      expect(after).not.toMatch(/CRIU/);
      expect(after).toMatch(/-A INPUT -s 192\.0\.2\.9\/32 -j ACCEPT/);
      expect(after).toMatch(/table inet mine/);
    }
    expect(seen.grew).toBe(true);
    expect(seen.left).toEqual([]);
  });
});
