import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Job, LIMITS } from '../../protocol/mod.ts';
import { JobStore } from './store.ts';

let dir: string;
const log = pino({ level: 'silent' });
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-jobs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const jobOf = (job: string, change: Partial<Job> = {}): Job => ({
  type: 'io.godwit.v1.job',
  job,
  kind: 'migrate',
  container: 'c',
  node: 'n1',
  source: 'n1',
  target: 'n2',
  mode: 'cold',
  modeReason: 'asked for',
  state: 'running',
  startedAtMs: 1,
  progress: { phase: 'dump', bytes: 0, rateBytesPerSecond: 0 },
  phases: [],
  rounds: [],
  rootfsPasses: [],
  bytes: { memory: 0, images: 0, rootfs: 0 },
  log: [],
  ...change,
});

it('keeps the last of many changes', async () => {
  const store = new JobStore(dir, log);
  for (let bytes = 0; bytes <= 20; bytes++)
    store.keep(jobOf('a', { bytes: { memory: bytes, images: 0, rootfs: 0 } }));
  await store.settled();
  expect((await new JobStore(dir, log).load()).map((job) => job.bytes.memory)).toEqual([20]);
  expect(readdirSync(dir)).toEqual(['a.json']);
});

it('loads oldest first, and the newest only', async () => {
  const store = new JobStore(dir, log);
  for (let at = LIMITS.jobsKept + 2; at > 0; at--) store.keep(jobOf(`j${at}`, { startedAtMs: at }));
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
  store.keep(jobOf('a'));
  await store.settled();
  expect(readdirSync(join(dir, 'jobs'))).toEqual(['a.json']);
});
