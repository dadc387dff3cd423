import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Agent } from '../migration/agent.ts';
import { sweepEarlierAgent } from './sweep.ts';

let runDir: string;
let started: ChildProcess[];
beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'godwit-sweep-'));
  started = [];
});
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(runDir, { recursive: true });
});

/** Looks like lxc-attach to whoever reads its command line. */
async function attached(env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn('sleep', ['60'], { argv0: 'lxc-attach', env: { PATH: process.env.PATH, ...env } });
  started.push(child);
  await once(child, 'spawn');
  return child;
}

it('ends what an earlier agent ran for somebody who talked to it, and nobody else’s', async () => {
  const others = [await attached({}), await attached({ GODWIT_ATTACH: `${runDir}-other` })];
  const left = await attached({ GODWIT_ATTACH: runDir });
  const ended = once(left, 'exit');
  const agent = { config: { runDir }, log: { warn: () => {} } } as unknown as Agent;
  await sweepEarlierAgent(agent);
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(others.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([null, null]);
});
