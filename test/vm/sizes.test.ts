import { afterAll, describe, expect, it } from 'vitest';
import type { Job } from '../../protocol/mod.ts';
import { useCluster } from '../e2e/support/use-lab.ts';
import { bytesOfFinal, MIB, MovingMemory, useMoveTable } from './moving-memory.ts';
import { table } from './table.ts';

/** So that the emulated machine's own speed decides little. */
const LINK = '--bandwidth 24MiB/s';
/** Emulated, a node carries 8 to 17 MiB/s. */
const SIZES_MIB = [64, 128, 256];
/** Written over and over: all of it is dirty when the one round is through. */
const DIRTY_MIB = 16;
const cluster = useCluster('vs', { nodes: 2 });
const rows = useMoveTable();
const downtimes: { MiB: number; 'hybrid ms': number; 'post-copy ms': number }[] = [];

describe.each(SIZES_MIB)('a container with %i MiB, of which 16 are written', (mib) => {
  it('is moved by a hybrid with only what is dirty in the page phase, and the source is soon not needed', async () => {
    const name = `memory-${mib}`;
    // Of its own: the ones before are defined still.
    const address = `10.77.1.${40 + SIZES_MIB.indexOf(mib)}`;
    const container = await MovingMemory.start(cluster, { name, address, mib }, rows);
    await container.memory.write(4_000, DIRTY_MIB);
    const postcopy = await container.move(`${mib} MiB`, 'postcopy', `${LINK} --max-exposure 10m`);
    const hybrid = await container.move(`${mib} MiB, static 1`, 'hybrid', `--iterations 1 ${LINK}`);
    const precopy = await container.move(`${mib} MiB, static 1`, 'precopy', `--iterations 1 ${LINK}`);
    const { phases } = await cluster.json<Job>('job', 'show', precopy.job);
    await container.stop();
    // Much memory is filled in afterwards, from what is here by then.
    expect(phases.some(({ name }) => name === 'pager')).toBe(mib >= 256);

    expect(bytesOfFinal(postcopy)).toBeGreaterThan(mib * MIB);
    expect(hybrid.rounds).toHaveLength(1);
    expect(hybrid.rounds[0]?.bytes).toBeGreaterThan(mib * MIB);
    expect(bytesOfFinal(hybrid)).toBeLessThan(1.3 * DIRTY_MIB * MIB);
    expect(hybrid.exposureMs).toBeGreaterThan(0);
    expect(hybrid.exposureMs).toBeLessThan((postcopy.exposureMs ?? 0) * (mib > 64 ? 0.5 : 0.75));
    downtimes.push({
      MiB: mib,
      'hybrid ms': hybrid.downtimeMs ?? 0,
      'post-copy ms': postcopy.downtimeMs ?? 0,
    });
  });
});

describe('the downtime', () => {
  it('does not grow with the memory, neither of a hybrid nor of a post-copy', () => {
    expect(downtimes).toHaveLength(SIZES_MIB.length);
    // Restoring the memory before the tasks run makes the largest stand four times as long as the smallest.
    const [small, large] = [downtimes[0], downtimes.at(-1)];
    for (const mode of ['hybrid ms', 'post-copy ms'] as const)
      expect(large?.[mode]).toBeLessThan(2.5 * (small?.[mode] ?? 0));
  });

  afterAll(() => {
    const lines = downtimes.map((row) => ({
      ...row,
      ratio: (row['hybrid ms'] / row['post-copy ms']).toFixed(2),
    }));
    const flat = (mode: 'hybrid ms' | 'post-copy ms') => {
      const all = downtimes.map((row) => row[mode]);
      return `${(Math.max(...all) / Math.min(...all)).toFixed(2)}x`;
    };
    const spread = {
      MiB: 'spread',
      'hybrid ms': flat('hybrid ms'),
      'post-copy ms': flat('post-copy ms'),
      ratio: '',
    };
    process.stdout.write(`downtime by size of the container\n${table([...lines, spread])}\n`);
  });
});
