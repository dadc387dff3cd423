import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { descendantsOf, runTree } from '../../agent/host/process-tree.ts';
import { signalInside } from '../../agent/runtime/lxc/signal-inside.ts';

/** Holds a pid namespace, as a container does. */
let holder: ChildProcess;
let init = 0;
beforeAll(async () => {
  holder = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', '600'], { stdio: 'ignore' });
  init = await vi.waitFor(async () => {
    const [inside] = await descendantsOf(holder.pid ?? 0);
    return inside ?? expect.fail('nobody is inside yet');
  }, 15_000);
});
afterAll(() => void holder.kill('SIGKILL'));

/** Runs a script inside, as lxc-attach does. Of each signal: whether the script was there to take it. */
async function ended(script: string, signals: readonly NodeJS.Signals[]) {
  let pid = 0;
  const over = runTree(createRunner(), systemClock, {
    file: 'nsenter',
    args: ['--target', String(init), '--pid', 'sh', '-c', script],
    deadlineMs: 20_000,
    started: (at) => {
      pid = at;
    },
  });
  // Until it has become its program, a child of the shell takes signals as the shell does: some are lost then, in a terminal, too.
  await expect.poll(() => programsOf(pid), { timeout: 20_000 }).toEqual(['sh', 'sleep']);
  const taken = [];
  for (const signal of signals) taken.push(await signalInside(pid, signal));
  const after = await over;
  return { taken, how: after.ended, ...after.result };
}

async function programsOf(pid: number): Promise<string[]> {
  const lines = (await descendantsOf(pid)).map((one) => readFile(`/proc/${one}/cmdline`, 'utf8'));
  return (await Promise.all(lines).catch(() => [])).map((words) => words.split('\0')[0] ?? '');
}

it('ends a command and what it has begun', async () => {
  const seen = await ended('sleep 4711; true', ['SIGINT']);
  expect(seen).toMatchObject({ taken: [true], how: 'itself', signal: 'SIGINT' });
});

it('lets a command have its own words alone', async () => {
  const seen = await ended('trap "echo asked" USR1; sleep 3; echo "slept: $?"', ['SIGUSR1']);
  expect(seen).toMatchObject({ taken: [true], how: 'itself', exitCode: 0 });
  expect(seen.stdout).toBe('asked\nslept: 0\n');
});

it('says when nobody is there to take it, and leaves alone what would bring it there', async () => {
  const outside = spawn('sh', ['-c', 'sleep 3; exit 7'], { stdio: 'ignore' });
  const over = new Promise((resolve) => outside.once('exit', resolve));
  await expect.poll(() => descendantsOf(outside.pid ?? 0)).toHaveLength(1);
  expect(await signalInside(outside.pid ?? 0, 'SIGINT')).toBe(false);
  expect(await over).toBe(7);
});
