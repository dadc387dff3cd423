import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GodwitError } from '../../../protocol/mod.ts';
import { systemClock } from '../../effects/system-clock.ts';
import { createRunner } from '../../effects/system-runner.ts';
import type { Restored, Runtime } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';
import { Restore, type RestoreRequest } from './restore.ts';

let own: string;
beforeEach(async () => {
  own = await mkdtemp(join(tmpdir(), 'godwit-restore-'));
});
afterEach(() => rm(own, { recursive: true }));

function begin(restore: Runtime['restore'], signal: AbortSignal): Promise<Restore> {
  const agent = { clock: systemClock, runner: createRunner(), runtime: { restore } } as unknown as Agent;
  const beside = (name: string) => join(own, name);
  mkdirSync(join(own, 'images'));
  const dir = { own, images: join(own, 'images'), beside };
  return Restore.begin(agent, {
    spec: {} as RestoreRequest['spec'],
    dir,
    lazy: false,
    signal,
    deadlineMs: 10_000,
  });
}

/** What this process holds open below the directory. */
function held(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      return file.startsWith(own) ? [file] : [];
    } catch {
      return [];
    }
  });
}

it('holds nothing any more when what it has started ends before its gate', async () => {
  const error = new GodwitError('RESTORE_FAILED', { target: 'n1', problem: 'it does not start' });
  const failing = begin(() => Promise.reject(error), new AbortController().signal);
  await expect(failing).rejects.toBe(error);
  await expect.poll(held).toEqual([]);
  expect(readdirSync(own).sort()).toEqual(['images', 'restore']);
});

it('is not over before the runtime has cleared away what it was building', async () => {
  const job = new AbortController();
  let cleared = false;
  let started = false;
  const slow: Runtime['restore'] = ({ signal }) =>
    new Promise<Restored>((_, reject) => {
      started = true;
      signal.addEventListener('abort', async () => {
        await sleep(50);
        cleared = true;
        reject(signal.reason);
      });
    });
  const begun = begin(slow, job.signal);
  begun.catch(() => {});
  await expect.poll(() => started).toBe(true);
  job.abort(new Error('nobody wants it'));
  await expect(begun).rejects.toThrow('nobody wants it');
  expect(cleared).toBe(true);
  await expect.poll(held).toEqual([]);
});
