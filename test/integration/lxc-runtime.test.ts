import { type ChildProcess, spawn } from 'node:child_process';
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
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { createLxcRuntime } from '../../agent/runtime/lxc/runtime.ts';
import type { Runtime } from '../../agent/runtime/runtime.ts';
import { type DomainSpec, GodwitError } from '../../protocol/mod.ts';

const BIN = new URL('./support/bin', import.meta.url).pathname;
const NAME = 'godwit-fake';
const STOPPED = 'State:          STOPPED\n';
const SPEC: DomainSpec = {
  name: NAME,
  uuid: '6b3a6e0e-5d8a-4f2b-9b59-0f6a1f0c0a01',
  memoryBytes: 64 * 1024 * 1024,
  vcpus: 1,
  os: { init: '/bin/app', initArgs: ['-x', `it's "here"\n`], initEnv: [] },
  root: { type: 'mount', source: '/srv/root', target: '/', readonly: false },
  filesystems: [],
  interfaces: [],
  console: false,
  policy: { mode: 'auto', rootfs: 'shared' },
};

let dir: string;
let runtime: Runtime;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-lxc-'));
  runtime = runtimeWith(BIN);
  await runtime.define(SPEC);
  mkdirSync(fake(''));
  mkdirSync(join(dir, 'images'));
  tell('lxc-info.state', STOPPED);
  writeFileSync(
    sockets(),
    `00: 00000002 00000000 00010000 0001 01 7 @${join(dir, 'lxc', NAME, 'command')}\n`,
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The real runner and the real runtime; only the programs come from `bin`. */
function runtimeWith(bin: string): Runtime {
  const runner = createRunner();
  const local = <T extends { file: string }>(command: T): T => ({
    ...command,
    file: join(bin, command.file),
  });
  return createLxcRuntime({
    runner: {
      run: (command) => runner.run(local(command)),
      start: (command) => runner.start(local(command)),
    },
    clock: systemClock,
    log: pino({ level: 'silent' }),
    lxcPath: join(dir, 'lxc'),
    runDir: join(dir, 'run'),
    node: 'n1',
    socketTable: sockets(),
    explain: async (logFile) => {
      const text = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
      return { lines: text.split('\n').filter((line) => line.includes('Error')), cure: 'Do this.' };
    },
  });
}

/** Stands for /proc/net/unix. */
const sockets = () => join(dir, 'sockets');
const fake = (file: string) => join(dir, 'lxc', NAME, 'fake', file);
const tell = (file: string, text: string) => writeFileSync(fake(file), text);
const argsOf = (tool: string) =>
  readFileSync(fake(`${tool}.args`), 'utf8')
    .split('\n')
    .slice(0, -1);

async function failureOf(promise: Promise<unknown>): Promise<GodwitError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof GodwitError) return error;
  throw error;
}

function restore(signal = new AbortController().signal, deadlineMs = 20_000) {
  const imageDir = join(dir, 'images');
  const criuConfig = ['lazy-pages', 'action-script /run/hook'];
  return runtime.restore({
    spec: SPEC,
    imageDir,
    logFile: join(dir, 'kept.log'),
    criuConfig,
    deadlineMs,
    signal,
  });
}

describe('start', () => {
  it('hands the exact command over and tells what LXC logged', async () => {
    tell('lxc-start.exit', '1');
    tell(
      'lxc-start.log',
      'lxc-start x 20260101000000.000 ERROR    start - ../a.c:f:1 - The bridge is missing\n',
    );
    const error = await failureOf(runtime.start(SPEC));
    expect(error).toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('The bridge is missing'),
    });
    const args = argsOf('lxc-start');
    expect(args.slice(0, 4)).toEqual(['-n', NAME, '-P', join(dir, 'lxc')]);
    expect(args.slice(args.indexOf('--'))).toEqual(['--', '/bin/app', '-x', `it's "here"`, '']);
    expect(readdirSync(join(dir, 'run'))).toEqual([]);
  });

  it('does not believe an exit code of 0 when the container is not there afterwards', async () => {
    const error = await failureOf(runtime.start(SPEC));
    expect(error).toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('ended at once'),
    });
  });
});

describe('stop', () => {
  it('tells once that no task is left, and of a failure to hear it when all is cleared away', async () => {
    rmSync(sockets());
    writeFileSync(sockets(), '');
    const told: string[] = [];
    const dead = async () => void told.push(NAME);
    await runtime.stop(NAME, { timeoutMs: 0, kill: true, dead });
    expect(told).toEqual([NAME]);
    const problem = new GodwitError('RECORD_CONFLICT', { container: NAME });
    const stop = runtime.stop(NAME, { timeoutMs: 0, kill: true, dead: () => Promise.reject(problem) });
    expect(await failureOf(stop)).toBe(problem);
  });
});

describe('status', () => {
  it('says so when lxc-info talks garbage, fails or is missing', async () => {
    tell('lxc-info.state', '\0\xff{"State": 1}\n');
    expect((await failureOf(runtime.status(NAME))).code).toBe('RUNTIME_FAILED');
    tell('lxc-info.exit', '1');
    expect((await failureOf(runtime.status(NAME))).code).toBe('RUNTIME_FAILED');
    const error = await failureOf(runtimeWith(join(dir, 'nowhere')).status(NAME));
    expect(error).toMatchObject({ code: 'RUNTIME_FAILED', message: expect.stringContaining('lxc-info') });
  });

  it('starts no process for a container without a monitor', async () => {
    tell('lxc-info.exit', '1');
    writeFileSync(
      sockets(),
      [
        `00: 00000003 00000000 00000000 0001 03 7 @${join(dir, 'lxc', NAME, 'command')}`,
        `00: 00000002 00000000 00010000 0001 01 8 @${join(dir, 'lxc', `${NAME}2`, 'command')}`,
      ].join('\n'),
    );
    expect(await runtime.status(NAME)).toEqual({ name: NAME, state: 'stopped' });
    expect(existsSync(fake('lxc-info.args'))).toBe(false);
  });

  it('asks LXC once about an init, and again when it is another', async () => {
    const inits = [spawn('sleep', ['60']), spawn('sleep', ['60'])];
    const up = (pid: number | undefined) => tell('lxc-info.state', `State: RUNNING\nPID: ${pid}\n`);
    try {
      up(inits[0]?.pid);
      expect(await runtime.status(NAME)).toMatchObject({ state: 'running', pid: inits[0]?.pid });
      up(inits[1]?.pid);
      expect(await runtime.status(NAME)).toMatchObject({ pid: inits[0]?.pid });
      inits[0]?.kill();
      await once(inits[0] as ChildProcess, 'exit');
      expect(await runtime.status(NAME)).toMatchObject({ pid: inits[1]?.pid });
    } finally {
      for (const init of inits) init.kill();
    }
  });

  it('takes an lxc-info that hangs as unknown', async () => {
    tell('lxc-info.hang', '');
    expect(await runtime.status(NAME)).toEqual({ name: NAME, state: 'unknown' });
    await expect.poll(() => isDead(readFileSync(fake('lxc-info.child'), 'utf8').trim())).toBe(true);
  });

  it('knows what is not defined here', async () => {
    expect(await runtime.status('elsewhere')).toEqual({ name: 'elsewhere', state: 'unknown' });
    expect(await runtime.list()).toEqual([{ name: NAME, state: 'stopped' }]);
  });
});

describe('restore', () => {
  it("passes criu's options by file and reports criu's first errors", async () => {
    tell('lxc-checkpoint.exit', '1');
    tell(
      'restore.log',
      'Warn  nothing\nError (criu/image.c:554): Head magic does not match for core-1.img\n',
    );
    const error = await failureOf(restore());
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', details: { target: 'n1', cure: 'Do this.' } });
    expect(error.message).toContain('Head magic does not match for core-1.img');
    expect(readFileSync(fake('criu.conf'), 'utf8')).toBe('lazy-pages\naction-script /run/hook\n');
    expect(argsOf('lxc-checkpoint').slice(-4)).toEqual(['-r', '-D', join(dir, 'images'), '-d']);
    expect(readFileSync(join(dir, 'kept.log'), 'utf8')).toContain('Head magic');
    expect(readdirSync(join(dir, 'run'))).toEqual([]);
  });

  it('falls back on the words of LXC when criu did not even start', async () => {
    tell('lxc-checkpoint.exit', '1');
    tell(
      'lxc-checkpoint.log',
      'lxc-checkpoint x 2026.0 ERROR    criu - ../criu.c:f:1 - Failed to find criu binary\n',
    );
    expect((await failureOf(restore())).message).toContain('Failed to find criu binary');
  });

  it.each([
    ['the signal', 'MOVE_ABORTED', 60_000],
    ['the deadline', 'RESTORE_FAILED', 700],
  ])('is ended by %s with every descendant', async (how, code, deadlineMs) => {
    tell('lxc-checkpoint.hang', '');
    const controller = new AbortController();
    const failure = failureOf(restore(controller.signal, deadlineMs));
    await expect.poll(() => existsSync(fake('lxc-checkpoint.child')), { timeout: 20_000 }).toBe(true);
    const child = readFileSync(fake('lxc-checkpoint.child'), 'utf8').trim();
    if (how === 'the signal') controller.abort();
    expect((await failure).code).toBe(code);
    await expect.poll(() => isDead(child)).toBe(true);
  });

  it('takes the reason of whoever aborted it', async () => {
    tell('lxc-checkpoint.hang', '');
    const reason = new GodwitError('MOVE_TIMEOUT', { timeoutMs: 1 });
    expect(await failureOf(restore(AbortSignal.abort(reason)))).toBe(reason);
  });
});

describe('define and undefine', () => {
  it('never touch a container that is not ours', async () => {
    const foreign = join(dir, 'lxc', NAME, 'config');
    writeFileSync(foreign, 'lxc.uts.name = mine\n');
    expect((await failureOf(runtime.define(SPEC))).code).toBe('CONTAINER_EXISTS');
    expect((await failureOf(runtime.undefine(NAME))).code).toBe('CONTAINER_EXISTS');
    expect(readFileSync(foreign, 'utf8')).toBe('lxc.uts.name = mine\n');
  });

  it('keep what else lies beside the configuration', async () => {
    await runtime.undefine(NAME);
    expect(readdirSync(join(dir, 'lxc', NAME))).toEqual(['fake']);
    rmSync(fake(''), { recursive: true });
    await runtime.undefine(NAME);
    expect(existsSync(join(dir, 'lxc', NAME))).toBe(false);
  });
});

/** Dead, or a zombie that waits for whoever reaps here. */
function isDead(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return true;
  return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
