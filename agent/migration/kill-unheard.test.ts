import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CgroupPaths } from '../runtime/runtime.ts';
import type { Agent } from './agent.ts';
import { killUnheard } from './kill-unheard.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-unheard-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it.each([
  ['when that works', undefined],
  ['also when that fails', new Error('no such device')],
])(
  'takes the interfaces away while the tasks still stand, and then kills them: %s',
  async (_when, failure) => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    writeFileSync(join(dir, 'cgroup.procs'), `${child.pid}\n`);
    writeFileSync(join(dir, 'freezer.state'), 'FROZEN\n');
    const cgroup: CgroupPaths = { version: 'v1', dirs: { freezer: dir } };
    const seen: unknown[] = [];
    const agent = {
      runtime: {
        disconnect: async (name: string) => {
          seen.push(name, child.exitCode ?? child.signalCode);
          if (failure) throw failure;
        },
      },
      log: { warn: ({ err }: { err: unknown }) => seen.push(err) },
      clock: {
        monotonicMs: () => 0,
        // The kernel takes a dead task out of its cgroup.
        sleep: () => ended.then(() => writeFileSync(join(dir, 'cgroup.procs'), '')),
      },
    } as unknown as Agent;
    await killUnheard(agent, 'web', cgroup);
    expect(child.signalCode).toBe('SIGKILL');
    expect(seen).toEqual(['web', null, ...(failure ? [failure] : [])]);
  },
);
