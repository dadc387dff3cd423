import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { killProcesses, processesOf } from './named-processes.ts';

let dir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-workers-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

async function start(file: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(file, args, { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return child;
}

it('ends what works in a directory, and nobody who only looks at a file there', async () => {
  const log = join(dir, 'dump.log');
  writeFileSync(log, '');
  const reader = await start('tail', '-f', log);
  const worker = await start(process.execPath, '-e', 'setInterval(() => {}, 1000)', log);
  const ended = once(worker, 'exit');
  await expect.poll(async () => (await processesOf(dir)).map(({ pid }) => pid)).toEqual([worker.pid]);
  await killProcesses(dir);
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(reader.exitCode ?? reader.signalCode).toBeNull();
});
