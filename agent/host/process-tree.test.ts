import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { runTree } from './process-tree.ts';

const runner = createRunner();

const command = (script: string, deadlineMs: number, signal?: AbortSignal) => ({
  file: 'sh',
  args: ['-c', script],
  deadlineMs,
  ...(signal ? { signal } : {}),
});

/** Dead, or a zombie that waits for whoever reaps here. */
function isDead(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return true;
  return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

it('kills the whole family at the deadline', async () => {
  // The first shell of the family waits, so that the session leader is still its descendant.
  const script = `setsid sh -c 'echo $$; exec sleep 60' & sh -c 'echo $$; sleep 60; true'; wait`;
  const { result, ended } = await runTree(runner, systemClock, command(script, 2_000));
  expect(ended).toBe('timeout');
  const pids = result.stdout.trim().split('\n');
  expect(pids).toHaveLength(2);
  await expect.poll(() => pids.every(isDead)).toBe(true);
});

it('kills when the signal aborts, also when it was aborted before', async () => {
  const late = new AbortController();
  setTimeout(() => late.abort(), 200);
  expect((await runTree(runner, systemClock, command('sleep 60; true', 60_000, late.signal))).ended).toBe(
    'aborted',
  );
  const early = AbortSignal.abort();
  expect((await runTree(runner, systemClock, command('sleep 60; true', 60_000, early))).ended).toBe(
    'aborted',
  );
});

it('leaves alone what a command that ends by itself leaves behind', async () => {
  const { result, ended } = await runTree(
    runner,
    systemClock,
    command('sleep 60 >/dev/null 2>&1 & echo $!; exit 3', 10_000),
  );
  expect({ ended, exitCode: result.exitCode }).toEqual({ ended: 'itself', exitCode: 3 });
  const pid = Number(result.stdout);
  expect(isDead(String(pid))).toBe(false);
  process.kill(pid, 'SIGKILL');
});

it('kills at the deadline what a command left behind that holds its outputs', async () => {
  const { result, ended } = await runTree(runner, systemClock, command('sleep 60 & echo $!; exit 3', 2_000));
  expect({ ended, exitCode: result.exitCode }).toEqual({ ended: 'timeout', exitCode: 3 });
  await expect.poll(() => isDead(result.stdout.trim())).toBe(true);
});

it('reports a command that cannot be started', async () => {
  const { result } = await runTree(runner, systemClock, { file: 'nosuch-tool', args: [], deadlineMs: 1_000 });
  expect(result.exitCode).toBe(127);
});
