import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HookChannel, HookOptions } from '../../../agent/criu/criu.ts';
import { makeFifos } from '../../../agent/criu/fifo.ts';
import { hookScript } from '../../../agent/criu/hook-script.ts';
import { openHooks } from '../../../agent/criu/mod.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';

const never = new AbortController().signal;
/** Nothing to look at. */
const EARLY = { thawed: 'THAWED', group: '/nowhere', tasks: 'tasks' } as const;
const runner = createRunner();
let dir: string;
const channels: HookChannel[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "godwit hooks' "));
});
afterEach(async () => {
  for (const channel of channels.splice(0)) await channel.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

describe('openHooks', () => {
  it('lets actions that nobody asked for pass, even with no agent there', async () => {
    const hooks = await open({ held: ['post-dump'], told: ['network-lock'] });
    const codes = await Promise.all(['pre-dump', 'setup-namespaces', 'network-unlock'].map(callHook));
    expect(codes).toEqual([0, 0, 0]);
    await hooks.close();
  });

  it('reports told actions in order and lets them go on at once', async () => {
    const hooks = await open({ held: [], told: ['network-lock', 'post-dump'] });
    expect(await callHook('network-lock')).toBe(0);
    expect(await callHook('post-dump')).toBe(0);
    const lock = await hooks.called('network-lock', never);
    const dump = await hooks.called('post-dump', never);
    expect(lock).toMatchObject({ action: 'network-lock', initPid: 4711 });
    expect(dump.atMs).toBeGreaterThanOrEqual(lock.atMs);
  });

  it('keeps the time of the first call when an action is called often', async () => {
    const hooks = await open({ held: [], told: ['network-lock'] });
    expect(await callHook('network-lock')).toBe(0);
    const first = await hooks.called('network-lock', never);
    const codes = await Promise.all(Array.from({ length: 40 }, () => callHook('network-lock')));
    expect(codes).toEqual(Array.from({ length: 40 }, () => 0));
    expect(await hooks.called('network-lock', never)).toEqual(first);
  });

  it.each([
    ['go', 0],
    ['stop', 1],
  ] as const)('holds criu until it is told to %s', async (verdict, code) => {
    const hooks = await open({ held: ['post-restore'], told: [] });
    const hook = startHook('post-restore');
    await hooks.called('post-restore', never);
    expect(await endedWithin(hook, 100)).toBe(false);
    await hooks.answer('post-restore', verdict);
    expect(await codeOf(hook)).toBe(code);
  });

  it('keeps an answer that comes before the call', async () => {
    const hooks = await open({ held: ['post-dump'], told: [] });
    await hooks.answer('post-dump', 'stop');
    expect(await callHook('post-dump')).toBe(1);
  });

  it('freezes before it reports, held or told', async () => {
    const file = join(dir, "freezer's state");
    const hooks = await open({
      held: [],
      told: ['network-lock', 'post-dump'],
      freeze: { file, value: 'FROZEN' },
    });
    await callHook('network-lock');
    expect(existsSync(file)).toBe(false);
    const seen = hooks.called('post-dump', never).then(() => readFileSync(file, 'utf8'));
    await callHook('post-dump');
    expect(await seen).toBe('FROZEN\n');
  });

  it('freezes early once it has reported, and waits for the kernel no longer than it takes to look often', async () => {
    const file = join(dir, 'freezer.state');
    writeFileSync(file, 'THAWED\n');
    const hooks = await open({
      held: [],
      told: ['pre-dump'],
      freeze: { file, value: 'FROZEN', early: EARLY },
    });
    expect(await callHook('pre-dump')).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('FROZEN\n');
    await hooks.called('pre-dump', never);
  });

  it('lets go again what does not freeze in time, for criu does not wait for what it finds freezing', async () => {
    const file = join(dir, 'freezer.state');
    // What is read is never this, for the shell cuts the blank off.
    const freeze = { file, value: 'FROZEN ', early: EARLY };
    const hooks = await open({ held: [], told: ['pre-dump'], freeze });
    expect(await callHook('pre-dump')).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('THAWED\n');
    await hooks.called('pre-dump', never);
  });

  it.each([
    ['1', '1\n'],
    ['0', '0\n'],
  ])('sees in another file whether a cgroup of v2 is frozen: %s', async (frozen, left) => {
    const file = join(dir, 'cgroup.freeze');
    const events = join(dir, 'cgroup.events');
    writeFileSync(file, '0\n');
    writeFileSync(events, `populated 1\nfrozen ${frozen}\n`);
    mkdirSync(join(dir, 'a unit/below'), { recursive: true });
    writeFileSync(join(dir, 'a unit/below/cgroup.threads'), `${process.pid}\n`);
    const early = { thawed: '0', group: dir, tasks: 'cgroup.threads', events } as const;
    await open({ held: [], told: ['pre-dump'], freeze: { file, value: '1', early } });
    expect(await callHook('pre-dump')).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(left);
  });

  it.each(['/dev/null', '/nowhere/freezer.state'])('goes on when nothing freezes: %s', async (file) => {
    const hooks = await open({
      held: [],
      told: ['pre-dump'],
      freeze: { file, value: 'FROZEN', early: EARLY },
    });
    expect(await callHook('pre-dump')).toBe(0);
    await hooks.called('pre-dump', never);
  });

  it('complains into no log of criu when the group it freezes is gone', async () => {
    const early = { thawed: '0', group: dir, tasks: 'cgroup.threads', events: join(dir, 'gone') } as const;
    await open({ held: [], told: ['pre-dump'], freeze: { file: join(dir, 'frozen'), value: '1', early } });
    const hook = spawn(join(dir, 'hook'), [], { env: hookEnvironment('pre-dump'), stdio: 'pipe' });
    children.push(hook);
    const [said] = await Promise.all([textOf(hook.stderr), codeOf(hook)]);
    expect(said).toBe('');
  });

  it('fails the dump by itself, and says so, when the container cannot be frozen', async () => {
    const file = join(dir, 'missing', 'cgroup.freeze');
    const hooks = await open({ held: ['post-dump'], told: [], freeze: { file, value: '1' } });
    const refused = hooks.called('post-dump', never).catch((error: unknown) => error);
    expect(await callHook('post-dump')).toBe(1);
    expect(await refused).toMatchObject({
      code: 'HOST_FAILED',
      details: { problem: expect.stringContaining(file) },
    });
  });

  it('stops waiting when the signal aborts', async () => {
    const hooks = await open({ held: ['post-dump'], told: [] });
    const abort = new AbortController();
    const called = hooks.called('post-dump', abort.signal).catch((error: unknown) => error);
    abort.abort(new Error('enough'));
    expect(await called).toEqual(new Error('enough'));
  });

  it('rejects what still waits when it is closed, and leaves no file', async () => {
    const hooks = await open({ held: ['post-dump'], told: [] });
    const called = hooks.called('post-dump', never).catch((error: unknown) => error);
    await hooks.close();
    expect(await called).toMatchObject({ code: 'MOVE_ABORTED' });
    expect(readdirSync(dir)).toEqual([]);
    await expect(hooks.answer('post-dump', 'go')).rejects.toMatchObject({ code: 'MOVE_ABORTED' });
  });

  it('closed while a hook is held: the hook never defaults, and the next agent can answer it', async () => {
    const first = await open({ held: ['post-dump'], told: [] });
    const hook = startHook('post-dump');
    await first.called('post-dump', never);
    await first.close();
    expect(await endedWithin(hook, 300)).toBe(false);
    const second = await open({ held: ['post-dump'], told: [] });
    await second.called('post-dump', never);
    await second.answer('post-dump', 'stop');
    expect(await codeOf(hook)).toBe(1);
  });

  it('killed while a hook is held: the hook reports again to the next agent', async () => {
    const agent = await startAgent();
    const hook = startHook('post-dump');
    await once(agent, 'message');
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    expect(await endedWithin(hook, 200)).toBe(false);
    const next = await open({ held: ['post-dump'], told: [] });
    await next.called('post-dump', never);
    await next.answer('post-dump', 'go');
    expect(await codeOf(hook)).toBe(0);
  });

  it('ends with its agent where nobody else has a copy, in the middle or when it is called later', async () => {
    const agent = await startAgent({ endsWithAgent: true });
    const hook = startHook('post-dump');
    await once(agent, 'message');
    expect(await endedWithin(hook, 200)).toBe(false);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    expect(await codeOf(hook)).toBe(1);
    expect(await callHook('post-dump')).toBe(1);
  });

  it('a hook that is called while no agent lives waits for the next one', async () => {
    const agent = await startAgent();
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    const hook = startHook('post-dump');
    expect(await endedWithin(hook, 200)).toBe(false);
    const next = await open({ held: ['post-dump'], told: [] });
    await next.answer('post-dump', 'go');
    expect(await codeOf(hook)).toBe(0);
  });

  it('a second agent finds the hook that waits for the first one', async () => {
    const first = await open({ held: ['post-dump'], told: [] });
    const hook = startHook('post-dump');
    await first.called('post-dump', never);
    const second = await open({ held: ['post-dump'], told: [] });
    // Both read the same FIFO here: whichever gets the repeated report, the answer of the first one counts.
    await first.answer('post-dump', 'go');
    expect(await codeOf(hook)).toBe(0);
    await second.close();
  });

  it('a held hook ends when criu is gone', async () => {
    const hooks = await open({ held: ['post-dump'], told: [] });
    const criu = spawn('sh', ['-c', `"$0" & echo $!; exec sleep 60`, hooks.script], {
      env: hookEnvironment('post-dump'),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(criu);
    const [pid] = await once(criu.stdout!, 'data');
    await hooks.called('post-dump', never);
    criu.kill('SIGKILL');
    await once(criu, 'exit');
    await hooks.close();
    await expect.poll(() => isAlive(Number(pid)), { timeout: 20_000 }).toBe(false);
  });

  it('refuses an action that nobody asked for and a second, different answer', async () => {
    const hooks = await open({ held: ['post-dump'], told: ['network-lock'] });
    await expect(hooks.answer('network-lock', 'go')).rejects.toThrow(/not held/);
    expect(() => hooks.called('pre-dump', never)).toThrow(/nobody asked/);
    await hooks.answer('post-dump', 'go');
    await expect(hooks.answer('post-dump', 'stop')).rejects.toThrow(/answered already/);
  });
});

async function open(options: Omit<HookOptions, 'dir'>): Promise<HookChannel> {
  const channel = await openHooks({ dir, clock: systemClock, runner, ...options });
  channels.push(channel);
  return channel;
}

/** Runs the hook as criu does: no arguments, standard input closed, SIGPIPE ignored by the shell's parent or not. */
function startHook(action: string): ChildProcess {
  const hook = spawn(join(dir, 'hook'), [], {
    env: hookEnvironment(action),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(hook);
  return hook;
}

function hookEnvironment(action: string) {
  return { CRTOOLS_SCRIPT_ACTION: action, CRTOOLS_INIT_PID: '4711', PATH: '/usr/bin:/bin' };
}

async function callHook(action: string): Promise<number | null> {
  return codeOf(startHook(action));
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function endedWithin(child: ChildProcess, ms: number): Promise<boolean> {
  await Promise.race([codeOf(child), systemClock.sleep(ms)]);
  return child.exitCode !== null || child.signalCode !== null;
}

/** An agent in a process of its own, to be killed: it holds the FIFOs as the real one does and says when it got a report. */
async function startAgent(how: Pick<HookOptions, 'endsWithAgent'> = {}): Promise<ChildProcess> {
  const options = { dir, held: ['post-dump'], told: [], ...how };
  await makeFifos(runner, dir, ['calls', 'answer.post-dump']);
  const file = join(dir, 'agent.cjs');
  writeFileSync(
    file,
    `const { constants, openSync, read } = require('node:fs');
     const [calls] = ['calls', 'answer.post-dump'].map((name) => openSync(process.argv[2] + '/' + name, constants.O_RDWR));
     // It lives until it is killed, also when nothing is left to do.
     setInterval(() => {}, 60_000);
     process.send('open');
     read(calls, () => process.send('called'));`,
  );
  const agent = fork(file, [dir]);
  children.push(agent);
  await once(agent, 'message');
  const script = hookScript(options).replaceAll(`kill -0 ${process.pid} `, `kill -0 ${agent.pid} `);
  writeFileSync(join(dir, 'hook'), script, { mode: 0o700 });
  return agent;
}

/** A zombie counts as dead: on some machines pid 1 does not reap. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
