import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/mod.ts';
import { job } from '../../test/support/messages.ts';
import { JobStore } from './store.ts';

let dir: string;
const log = pino({ level: 'silent' });
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-jobs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('keeps the last of many changes', async () => {
  const store = new JobStore(dir, log);
  for (let bytes = 0; bytes <= 20; bytes++)
    store.keep(job({ job: 'a', bytes: { memory: bytes, images: 0, rootfs: 0 } }));
  await store.settled();
  expect((await new JobStore(dir, log).load()).map((job) => job.bytes.memory)).toEqual([20]);
  expect(readdirSync(dir)).toEqual(['a.json']);
});

it('loads oldest first, and the newest only', async () => {
  const store = new JobStore(dir, log);
  for (let at = LIMITS.jobsKept + 2; at > 0; at--) store.keep(job({ job: `j${at}`, startedAtMs: at }));
  await store.settled();
  const loaded = await new JobStore(dir, log).load();
  expect(loaded.map((job) => job.startedAtMs)).toEqual(
    Array.from({ length: LIMITS.jobsKept }, (_, index) => index + 3),
  );
  expect(readdirSync(dir)).toHaveLength(LIMITS.jobsKept);
});

it('forgets what is half written or no job', async () => {
  writeFileSync(join(dir, 'b.json.new'), '{');
  writeFileSync(join(dir, 'c.json'), '{"job":"c"}');
  expect(await new JobStore(dir, log).load()).toEqual([]);
  expect(readdirSync(dir)).toEqual([]);
});

it('makes its directory', async () => {
  const store = new JobStore(join(dir, 'jobs'), log);
  expect(await store.load()).toEqual([]);
  store.keep(job({ job: 'a' }));
  await store.settled();
  expect(readdirSync(join(dir, 'jobs'))).toEqual(['a.json']);
});
