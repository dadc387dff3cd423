import { beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../protocol/mod.ts';
import { tracesOf } from '../e2e/support/node-state.ts';
import { useCluster } from '../e2e/support/use-lab.ts';
import { bytesOfFinal, MIB, MovingMemory, useMoveTable } from './moving-memory.ts';

/** Slower than the emulated machine's own ceiling, so that the link is known. */
const LINK = '--bandwidth 8MiB/s';
const MEMORY_MIB = 64;
const cluster = useCluster('vm', { nodes: 2 });
const rows = useMoveTable();
let container: MovingMemory;

beforeAll(async () => {
  container = await MovingMemory.start(
    cluster,
    { name: 'memory', address: '10.77.1.30', mib: MEMORY_MIB },
    rows,
  );
});

describe('memory that nobody writes', () => {
  it('crosses the link before the freeze in a pre-copy, which then stops it for a fraction of a cold move', async () => {
    const cold = await container.move('idle', 'cold', LINK);
    const static2 = await container.move('idle, static 2', 'precopy', `--iterations 2 ${LINK}`);
    expect(static2.rounds).toHaveLength(2);
    const [first, second] = static2.rounds;
    expect(first?.bytes).toBeGreaterThan(MEMORY_MIB * MIB);
    expect(second?.bytes).toBeLessThan(8 * MIB);
    expect(bytesOfFinal(static2)).toBeLessThan(12 * MIB);
    expect(static2.downtimeMs).toBeLessThan((cold.downtimeMs ?? 0) / 2);

    const dynamic = await container.move('idle, dynamic', 'precopy', `${LINK} --max-downtime 20s`);
    expect(dynamic.rounds.length).toBeGreaterThanOrEqual(1);
    expect(dynamic.rounds.length).toBeLessThanOrEqual(3);
    expect(dynamic.downtimeMs).toBeLessThan((cold.downtimeMs ?? 0) / 2);
  });

  it('crosses it once in a hybrid, and leaves little that the source is needed for', async () => {
    const postcopy = await container.move('idle', 'postcopy', `${LINK} --max-exposure 10m`);
    const hybrid = await container.move('idle, static 1', 'hybrid', `--iterations 1 ${LINK}`);
    expect(hybrid.mode).toBe('hybrid');
    expect(bytesOfFinal(hybrid)).toBeLessThan(16 * MIB);
    expect(hybrid.bytes.memory).toBeLessThan((MEMORY_MIB + 40) * MIB);
    expect(hybrid.exposureMs).toBeLessThan((postcopy.exposureMs ?? 0) / 2);
  });
});

describe('memory that is written while it moves', () => {
  it('below the speed of the link: dynamic rounds come down to the wanted downtime', async () => {
    await container.memory.write(400, 16);
    const result = await container.move('writer below', 'precopy', `${LINK} --max-downtime 7s`);
    expect(result.rounds.length).toBeGreaterThanOrEqual(2);
    expect(result.rounds.at(-1)?.bytes).toBeLessThan((result.rounds[0]?.bytes ?? 0) / 2);
  });

  it('and in a hybrid: only what is dirty follows', async () => {
    const result = await container.move('writer below, static 2', 'hybrid', `--iterations 2 ${LINK}`);
    // The page phase: no more than the writer's whole set, and what the runtime itself touches.
    expect(bytesOfFinal(result)).toBeLessThan(1.3 * 16 * MIB + 12 * MIB);
  });

  it('above it: given up, cut over or made a hybrid, as the policy says', async () => {
    await container.memory.write(8_000, 40);
    const hard = `${LINK} --max-downtime 100ms --max-rounds 3`;

    const refused = await cluster.godwit(
      'migrate',
      'memory',
      container.other,
      '--mode',
      'precopy',
      ...hard.split(' '),
      '--on-nonconverge',
      'abort',
      '--json',
    );
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      outcome: 'failed',
      error: { code: 'NOT_CONVERGING' },
    });
    await container.expectWhole();
    expect(await tracesOf(cluster, container.other, 'memory')).toEqual([]);

    const cutover = await container.move(
      'writer above, cutover',
      'precopy',
      `${hard} --on-nonconverge cutover`,
    );
    expect(cutover.mode).toBe('precopy');
    const postcopy = await container.move(
      'writer above, postcopy',
      'precopy',
      `${hard} --on-nonconverge postcopy --max-exposure 10m`,
    );
    expect(postcopy.mode).toBe('hybrid');
  });

  it('above it, throttled: comes down once it has little CPU time left, and has all of it afterwards', async () => {
    // With half a CPU faster than the link, with a tenth of one far below it.
    await container.memory.write(8_000, 40, 125);
    const limit = await cpuLimit();
    const wish = '--bandwidth 12MiB/s --max-downtime 3s --max-rounds 3';
    const { rounds } = await container.move(
      'writer above, throttle',
      'precopy',
      `${wish} --on-nonconverge throttle`,
    );
    expect(rounds.length).toBeGreaterThan(3);
    expect(rounds.at(-1)?.bytes).toBeLessThan((rounds[1]?.bytes ?? 0) * 0.8);
    expect(await cpuLimit()).toBe(limit);
    await container.memory.write(0, 1);
  });
});

describe('a job under way', () => {
  it('is ended by an abort from another machine in its rounds, and the container runs on', async () => {
    const started = await cluster.json<{ job: string }>(
      'migrate',
      'memory',
      container.other,
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
    await container.expectWhole();
    expect(await tracesOf(cluster, container.other, 'memory')).toEqual([]);
  });
});

const job = (id: string) => cluster.json<Job>('job', 'show', id);

/** What the kernel says, on the node where the container is. */
function cpuLimit(): Promise<string> {
  const file =
    "find /sys/fs/cgroup -path '*lxc.payload.memory*' '(' -name cpu.max -o -name cpu.cfs_quota_us ')'";
  return cluster.lab.sh(container.node, `cat "$(${file} | sort | head -n 1)"`);
}
