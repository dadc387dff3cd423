import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningProcess } from '../../effects/runner.ts';
import { systemClock } from '../../effects/system-clock.ts';
import { createRunner } from '../../effects/system-runner.ts';
import { ExecSession } from '../../exec/session.ts';
import { ExecSessions } from '../../exec/sessions.ts';
import { birthOf } from '../../host/process-birth.ts';
import { attachTo } from './attach.ts';
import type { Lxc } from './tool.ts';

const NAME = 'godwit-fake';
/** Stands for lxc-attach: the container is this machine. */
const ATTACH = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n';

let dir: string;
let started: RunningProcess | undefined;
let other: ChildProcess | undefined;
let left: number[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-attach-'));
  mkdirSync(join(dir, NAME));
  writeFileSync(join(dir, NAME, 'config'), '');
  writeFileSync(
    join(dir, 'sockets'),
    `00: 00000002 00000000 00010000 0001 01 7 @${join(dir, NAME, 'command')}\n`,
  );
  writeFileSync(join(dir, 'lxc-attach'), ATTACH, { mode: 0o755 });
  left = [];
});
afterEach(() => {
  for (const pid of left) process.kill(pid, 'SIGKILL');
  started?.kill('SIGKILL');
  other?.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

async function attach(script: string, asSeen = (child: RunningProcess) => child) {
  const runner = createRunner();
  const options = {
    runner: {
      ...runner,
      start: (command) => {
        const env = { ...command.env, PATH: `${dir}:${process.env.PATH}` };
        started = runner.start({ ...command, env });
        return asSeen(started);
      },
    },
    clock: systemClock,
    lxcPath: dir,
    runDir: join(dir, 'run'),
    socketTable: join(dir, 'sockets'),
    restoring: new Set(),
    inits: new Map([[NAME, { pid: process.pid, birth: (await birthOf(process.pid)) ?? '' }]]),
  } as Partial<Lxc> as Lxc;
  return attachTo(options, NAME, ['/bin/sh', '-c', script], undefined);
}

async function readAll(session: ExecSession, pauseMs = 0) {
  let stdout = '';
  for (;;) {
    const reply = await session.read();
    stdout += Buffer.from(reply.stdout, 'base64').toString('latin1');
    const stderr = Buffer.from(reply.stderr, 'base64').toString();
    if (reply.exitCode !== undefined) return { stdout, stderr, exitCode: reply.exitCode };
    await sleep(pauseMs);
  }
}

const isDead = (pid: number) => {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
};

it('is over with its command, not with the daemon that it leaves behind', async () => {
  const attached = await attach('sleep 60 & echo $!; echo err >&2; exit 3');
  const { stdout, stderr, exitCode } = await readAll(new ExecSession(attached, systemClock, () => {}));
  left.push(Number(stdout));
  expect({ stderr, exitCode }).toEqual({ stderr: 'err\n', exitCode: 3 });
  expect(attached.channel.destroyed).toBe(true);
  expect(isDead(Number(stdout))).toBe(false);
});

it('loses nothing that a command wrote to a slow reader, also with a daemon', async () => {
  const attached = await attach('sleep 60 & echo $!; head -c 500000 /dev/zero');
  const { stdout } = await readAll(new ExecSession(attached, systemClock, () => {}), 400);
  const [pid = ''] = stdout.split('\n');
  left.push(Number(pid));
  expect(stdout.length - pid.length - 1).toBe(500_000);
});

it('ends while a daemon goes on writing', async () => {
  const attached = await attach('(while :; do head -c 20000 /dev/zero; sleep 0.02; done) & echo $!');
  const { stdout, exitCode } = await readAll(new ExecSession(attached, systemClock, () => {}));
  left.push(Number(/\d+/.exec(stdout)?.[0]));
  expect(exitCode).toBe(0);
});

it('carries the mark by which a later agent knows it', async () => {
  const attached = await attach('echo $GODWIT_ATTACH');
  expect(await readAll(new ExecSession(attached, systemClock, () => {}))).toMatchObject({
    stdout: `${join(dir, 'run')}\n`,
    exitCode: 0,
  });
});

it('kills nobody who has its pid by now', async () => {
  let pid: number | undefined;
  const attached = await attach('exec sleep 60', (child) => ({
    ...child,
    get pid() {
      return pid ?? child.pid;
    },
  }));
  await sleep(50);
  other = spawn('sleep', ['60']);
  pid = other.pid ?? 0;
  await attached.kill();
  await attached.signal('SIGKILL');
  await sleep(100);
  expect(isDead(pid)).toBe(false);
  pid = undefined;
  await attached.kill();
  await attached.exited;
});

it('ends with its agent', async () => {
  const sessions = new ExecSessions();
  const begin = async (over: () => void) => {
    const attached = await attach('sleep 60; true');
    return { attached, session: new ExecSession(attached, systemClock, over) };
  };
  await sessions.open(NAME, 's1', begin);
  const { attached } = sessions.find(NAME, 's1');
  await sessions.stop();
  await attached.exited;
  expect(() => sessions.find(NAME, 's1')).toThrow(/has ended/);
  await expect(sessions.open(NAME, 's2', begin)).rejects.toMatchObject({ code: 'EXEC_FAILED' });
});
