import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCriu } from '../../../agent/criu/mod.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-criu-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LOG = `while [ $# -gt 0 ]; do [ "$1" = --log-file ] && log=$2; shift; done`;

describe('createCriu with a criu that misbehaves', () => {
  it('is ready when criu listens, and ends when criu ends', async () => {
    const lazy = fakeCriu('printf "\\0" >&3; sleep 0.2; exit 0').lazyPages({
      ...paths(),
      address: '::1',
      port: 1,
      deadlineMs: 10_000,
    });
    await lazy.ready;
    expect(await lazy.ended).toMatchObject({ exitCode: 0, timedOut: false });
  });

  it('a cold dump is ready when it has ended well', async () => {
    const dump = fakeCriu('exit 0').dump(dumpOptions());
    await dump.ready;
    expect((await dump.ended).exitCode).toBe(0);
  });

  it('a failing dump quotes the first error of its log, with the cure', async () => {
    const dump = fakeCriu(`${LOG}
      echo "(00.01) Error (criu/files-reg.c:1790): Can't lookup mount=28 for fd=2 path=/x" >$log
      echo "(00.02) Error (criu/cr-dump.c:1975): Dumping FAILED." >>$log; exit 1`).dump(dumpOptions());
    await expect(dump.ready).rejects.toMatchObject({
      code: 'DUMP_FAILED',
      message: expect.stringContaining("Can't lookup mount=28 for fd=2"),
      hint: expect.stringContaining('/dev/null'),
      details: { lines: [expect.stringContaining('lookup'), expect.stringContaining('FAILED')] },
    });
    expect((await dump.ended).exitCode).toBe(1);
  });

  it('a daemon that ends before it listens has failed, even with exit code 0', async () => {
    const lazy = fakeCriu('echo "Error: no such option" >&2; exit 0').lazyPages({
      ...paths(),
      address: '::1',
      port: 1,
      deadlineMs: 10_000,
    });
    await expect(lazy.ready).rejects.toMatchObject({
      code: 'RESTORE_FAILED',
      message: expect.stringContaining('no such option'),
    });
  });

  it('a criu that hangs is ended at its deadline', async () => {
    const dump = fakeCriu('exec sleep 60').dump({ ...dumpOptions(), deadlineMs: 200 });
    await expect(dump.ready).rejects.toMatchObject({
      code: 'CHILD_TIMEOUT',
      details: { tool: 'criu dump', timeoutMs: 200 },
    });
    expect(await dump.ended).toMatchObject({ timedOut: true });
  });

  it('a criu that is killed says by which signal', async () => {
    const server = fakeCriu('exec sleep 60').pageServer({ ...paths(), port: 1, deadlineMs: 10_000 });
    server.kill('SIGKILL');
    await expect(server.ready).rejects.toMatchObject({ message: expect.stringContaining('SIGKILL') });
    expect(await server.ended).toMatchObject({ signal: 'SIGKILL', timedOut: false });
  });

  it('takes along what criu started when it is killed', async () => {
    const marker = join(dir, 'child');
    const dump = fakeCriu(`sleep 60 & echo $! >'${marker}'; wait`).dump(dumpOptions());
    await expect.poll(() => readText(marker)).toMatch(/^\d+\n$/);
    dump.kill('SIGKILL');
    await dump.ended;
    await expect.poll(() => isAlive(Number(readText(marker)))).toBe(false);
  });

  it('survives a log of garbage', async () => {
    const dump = fakeCriu(`${LOG}
      head -c 300000 /dev/urandom >$log; exit 52`).dump(dumpOptions());
    await expect(dump.ready).rejects.toMatchObject({
      code: 'DUMP_FAILED',
      message: expect.stringContaining('52'),
    });
  });

  it('a criu that is not there fails like one that ends at once', async () => {
    const criu = createCriu({ runner: createRunner(), binary: join(dir, 'missing') });
    await expect(criu.dump(dumpOptions()).ready).rejects.toMatchObject({
      code: 'DUMP_FAILED',
      message: expect.stringContaining('missing'),
    });
  });

  it('nobody has to look at `ready`: what is rejected there alone does not end the agent', async () => {
    const dump = fakeCriu('exit 1').dump(dumpOptions());
    expect((await dump.ended).exitCode).toBe(1);
  });
});

/** A criu whose body is the given shell script. */
function fakeCriu(body: string) {
  const binary = join(dir, 'criu');
  writeFileSync(binary, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return createCriu({ runner: createRunner(), binary });
}

function paths() {
  return { imageDir: dir, logFile: join(dir, 'criu.log') };
}

function dumpOptions() {
  return {
    ...paths(),
    plan: { initPid: 1, args: [] },
    transport: { kind: 'local' },
    deadlineMs: 30_000,
  } as const;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** A zombie counts as dead: on some machines pid 1 does not reap. */
function isAlive(pid: number): boolean {
  return /^State:\s+[^Z\s]/m.test(readText(`/proc/${pid}/status`));
}
