import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, MigrateResult, Mode } from '../../protocol/mod.ts';
import { type Cluster, startCluster } from '../e2e/support/cluster.ts';
import { ownName } from '../e2e/support/lab.ts';
import { tracesOf } from '../e2e/support/node-state.ts';
import { type Pages, startPages } from '../e2e/support/pages.ts';
import { noLabTraces } from '../e2e/support/traces.ts';

const instance = `${ownName}vm`;
const MIB = 1024 * 1024;
/** Slower than the emulated machine's own ceiling, so that the link is known. */
const LINK = '6MiB/s';
const MEMORY_MIB = 64;
let cluster: Cluster;
let pages: Pages;
let node = 'n1';
/** What each move cost, for the table at the end. */
const rows: Record<string, string | number>[] = [];

beforeAll(async () => {
  cluster = await startCluster(instance, { nodes: 2 });
  pages = await startPages(cluster, node, { name: 'pages', address: '10.77.1.30', mib: MEMORY_MIB });
});

afterAll(async () => {
  if (rows.length > 0) process.stdout.write(`${table(rows)}\n`);
  await cluster?.down();
  await noLabTraces(instance);
});

/** One move to the other node; the memory is right afterwards, and the source keeps no trace. */
async function move(label: string, mode: Mode, ...options: readonly string[]): Promise<MigrateResult> {
  const source = node;
  const target = source === 'n1' ? 'n2' : 'n1';
  await pages.check();
  const result = await cluster.json<MigrateResult>('migrate', 'pages', target, '--mode', mode, ...options);
  node = target;
  expect(result).toMatchObject({ outcome: 'done', source, target });
  const { longestGapMs } = await expectWhole();
  expect(await tracesOf(cluster, source, 'pages')).toEqual([]);
  rows.push({
    move: label,
    mode: result.mode,
    'MiB a round': result.rounds.map((round) => mib(round.bytes)).join(' '),
    'MiB in all': mib(result.bytes.memory),
    'downtime ms': Math.round(result.downtimeMs ?? -1),
    'gap ms': Math.round(longestGapMs),
    'exposure ms': Math.round(result.exposureMs ?? -1),
    'total ms': Math.round(result.totalMs ?? -1),
  });
  return result;
}

async function expectWhole() {
  const check = await pages.check();
  expect(check).toMatchObject({ pages: MEMORY_MIB * 256, wrong: 0 });
  return check;
}

const mib = (bytes: number) => Math.round((bytes / MIB) * 10) / 10;
const bytesOfFinal = ({ bytes, rounds }: MigrateResult) =>
  bytes.memory - rounds.reduce((sum, round) => sum + round.bytes, 0);

describe('memory that nobody writes', () => {
  it('crosses the link before the freeze in a pre-copy, which then stops it for a fraction of a cold move', async () => {
    const cold = await move('idle', 'cold', '--bandwidth', LINK);
    const static2 = await move('idle, static 2', 'precopy', '--iterations', '2', '--bandwidth', LINK);
    expect(static2.rounds).toHaveLength(2);
    const [first, second] = static2.rounds;
    expect(first?.bytes).toBeGreaterThan(MEMORY_MIB * MIB);
    expect(second?.bytes).toBeLessThan(8 * MIB);
    expect(bytesOfFinal(static2)).toBeLessThan(12 * MIB);
    expect(static2.downtimeMs).toBeLessThan((cold.downtimeMs ?? 0) / 2);

    const dynamic = await move('idle, dynamic', 'precopy', '--bandwidth', LINK, '--max-downtime', '20s');
    expect(dynamic.rounds.length).toBeGreaterThanOrEqual(1);
    expect(dynamic.rounds.length).toBeLessThanOrEqual(3);
    expect(dynamic.downtimeMs).toBeLessThan((cold.downtimeMs ?? 0) / 2);
  });

  it('crosses it once in a hybrid, and leaves little that the source is needed for', async () => {
    const postcopy = await move('idle', 'postcopy', '--bandwidth', LINK, '--max-exposure', '10m');
    const hybrid = await move('idle, static 1', 'hybrid', '--iterations', '1', '--bandwidth', LINK);
    expect(hybrid.mode).toBe('hybrid');
    expect(bytesOfFinal(hybrid)).toBeLessThan(16 * MIB);
    expect(hybrid.bytes.memory).toBeLessThan((MEMORY_MIB + 40) * MIB);
    expect(hybrid.exposureMs).toBeLessThan((postcopy.exposureMs ?? 0) / 2);
  });
});

describe('memory that is written while it moves', () => {
  it('below the speed of the link: dynamic rounds come down to the wanted downtime', async () => {
    await pages.write(400, 16);
    const result = await move('writer below', 'precopy', '--bandwidth', LINK, '--max-downtime', '15s');
    expect(result.rounds.length).toBeGreaterThanOrEqual(2);
    expect(result.rounds.at(-1)?.bytes).toBeLessThan((result.rounds[0]?.bytes ?? 0) / 2);
  });

  it('and in a hybrid: only what is dirty follows', async () => {
    const result = await move('writer below, static 2', 'hybrid', '--iterations', '2', '--bandwidth', LINK);
    // The page phase: no more than the writer's whole set, and what the runtime itself touches.
    expect(bytesOfFinal(result)).toBeLessThan(1.3 * 16 * MIB + 12 * MIB);
  });

  it('above it: each policy does what it says', async () => {
    await pages.write(8_000, 40);
    const hard = ['--bandwidth', LINK, '--max-downtime', '100ms', '--max-rounds', '3'];

    const refused = await cluster.godwit(
      'migrate',
      'pages',
      other(),
      '--mode',
      'precopy',
      ...hard,
      '--on-nonconverge',
      'abort',
      '--json',
    );
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      outcome: 'failed',
      error: { code: 'NOT_CONVERGING' },
    });
    await expectWhole();
    expect(await tracesOf(cluster, other(), 'pages')).toEqual([]);

    const cutover = await move('writer above, cutover', 'precopy', ...hard, '--on-nonconverge', 'cutover');
    expect(cutover.mode).toBe('precopy');
    const postcopy = await move(
      'writer above, postcopy',
      'precopy',
      ...hard,
      '--on-nonconverge',
      'postcopy',
      '--max-exposure',
      '10m',
    );
    expect(postcopy.mode).toBe('hybrid');
    const limit = await cpuLimit();
    const throttled = await move(
      'writer above, throttle',
      'precopy',
      ...hard,
      '--max-downtime',
      '5s',
      '--on-nonconverge',
      'throttle',
    );
    expect(throttled.rounds.length).toBeGreaterThanOrEqual(2);
    expect(await cpuLimit()).toBe(limit);
    await pages.write(0, 1);
  });
});

describe('a job under way', () => {
  it('is ended by an abort from another machine in its rounds, and the container runs on', async () => {
    const started = await cluster.json<{ job: string }>(
      'migrate',
      'pages',
      other(),
      '--mode',
      'precopy',
      '--bandwidth',
      '2MiB/s',
      '--detach',
    );
    await expect
      .poll(async () => (await job(started.job)).progress.bytes, { timeout: 60_000, interval: 500 })
      .toBeGreaterThan(4 * MIB);
    expect((await cluster.godwit('job', 'set', started.job, '--bandwidth', '3MiB/s')).exitCode).toBe(0);
    expect((await cluster.godwit('job', 'abort', started.job)).exitCode).toBe(0);
    await expect.poll(async () => (await job(started.job)).state, { timeout: 30_000 }).toBe('ended');
    expect((await job(started.job)).outcome).toBe('aborted');
    await expectWhole();
    expect(await tracesOf(cluster, other(), 'pages')).toEqual([]);
  });
});

const other = () => (node === 'n1' ? 'n2' : 'n1');
const job = (id: string) => cluster.json<Job>('job', 'show', id);

/** What the kernel says, on the node where the container is. */
function cpuLimit(): Promise<string> {
  const file =
    "find /sys/fs/cgroup -path '*lxc.payload.pages*' '(' -name cpu.max -o -name cpu.cfs_quota_us ')'";
  return cluster.lab.sh(node, `cat "$(${file} | sort | head -n 1)"`);
}

/** Aligned columns, for people. */
function table(lines: readonly Record<string, string | number>[]): string {
  const names = Object.keys(lines[0] ?? {});
  const cells = [names, ...lines.map((line) => names.map((name) => String(line[name])))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n');
}
