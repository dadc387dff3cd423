import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRunner } from './system-runner.ts';

const runner = createRunner();

describe('createRunner', () => {
  it('returns exit code and both outputs', async () => {
    const result = await runner.run({
      file: 'sh',
      args: ['-c', 'echo out; echo err >&2; exit 3'],
      deadlineMs: 5_000,
    });
    expect(result).toMatchObject({
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      timedOut: false,
    });
  });

  it('says 127 and why when the program is missing', async () => {
    const result = await runner.run({ file: '/nonexistent/tool', args: [], deadlineMs: 5_000 });
    expect(result.exitCode).toBe(127);
    expect(result.stderr).toContain('/nonexistent/tool');
  });

  it('passes no environment on but a fixed PATH, LANG and what the command names', async () => {
    const result = await runner.run({ file: 'env', args: [], deadlineMs: 5_000, env: { ONLY: 'this' } });
    expect(
      result.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('=')[0])
        .sort(),
    ).toEqual(['LANG', 'ONLY', 'PATH']);
  });

  it('lets a daemon run that has no deadline', async () => {
    const daemon = runner.start({ file: 'sleep', args: ['30'], deadlineMs: Number.POSITIVE_INFINITY });
    const first = await Promise.race([
      daemon.ended,
      new Promise((resolve) => setTimeout(resolve, 100, 'runs')),
    ]);
    daemon.kill('SIGTERM');
    expect(first).toBe('runs');
    expect(await daemon.ended).toMatchObject({ signal: 'SIGTERM', timedOut: false });
  });

  it('ends a child at its deadline, also one that ignores SIGTERM', async () => {
    const result = await runner.run({
      file: 'sh',
      args: ['-c', 'trap "" TERM; while :; do sleep 0.05; done'],
      // Its trap has to be set by then.
      deadlineMs: 1_500,
    });
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
  });

  it('does not wait beyond the deadline for outputs that somebody else holds', async () => {
    const script = 'setsid sleep 60 & echo $!; exit 3';
    const ended = await runner.run({ file: 'sh', args: ['-c', script], deadlineMs: 1_500, detached: true });
    expect(ended).toMatchObject({ exitCode: 3, timedOut: true });
    process.kill(Number(ended.stdout), 'SIGKILL');
  });

  it('ends a child when the signal aborts', async () => {
    const abort = new AbortController();
    const running = runner.start({ file: 'sleep', args: ['30'], deadlineMs: 60_000, signal: abort.signal });
    abort.abort();
    expect(await running.ended).toMatchObject({ signal: 'SIGTERM', timedOut: false });
  });

  it('kills the whole group of a detached child', async () => {
    const running = runner.start({
      file: 'sh',
      args: ['-c', 'sleep 30 & echo $!; wait'],
      deadlineMs: 1_500,
      detached: true,
    });
    const result = await running.ended;
    const grandchild = Number(result.stdout);
    expect(grandchild).toBeGreaterThan(1);
    await expect.poll(() => isAlive(grandchild)).toBe(false);
  });

  it('hands out fd 3 as the status pipe', async () => {
    const running = runner.start({
      file: 'sh',
      args: ['-c', 'printf x >&3; exit 0'],
      deadlineMs: 5_000,
      statusFd: true,
    });
    const bytes: Buffer[] = [];
    for await (const chunk of running.status!) bytes.push(chunk as Buffer);
    expect(Buffer.concat(bytes).toString()).toBe('x');
    expect((await running.ended).exitCode).toBe(0);
  });

  it('writes input and reads none when there is none', async () => {
    expect((await runner.run({ file: 'cat', args: [], deadlineMs: 5_000, input: 'hello' })).stdout).toBe(
      'hello',
    );
    expect((await runner.run({ file: 'cat', args: [], deadlineMs: 5_000 })).stdout).toBe('');
  });

  it('with silent, a daemon left behind does not hold the end up', async () => {
    const result = await runner.run({
      file: 'sh',
      args: ['-c', 'sleep 2 & exit 0'],
      deadlineMs: 1_500,
      silent: true,
    });
    expect(result).toMatchObject({ exitCode: 0, timedOut: false });
  });
});

/** A zombie counts as dead: on some machines pid 1 does not reap. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
