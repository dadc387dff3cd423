import { expect, it } from 'vitest';
import { useCluster } from '../e2e/support/use-lab.ts';
import { bytesOfFinal, MIB, MovingMemory, useMoveTable } from './moving-memory.ts';

/** 1 GiB would take minutes a move: an emulated node carries 8 to 17 MiB/s. */
const MEMORY_MIB = 512;
const LINK = '--bandwidth 24MiB/s';
const DIRTY_MIB = 16;
const cluster = useCluster('vl', { nodes: 2 });
const rows = useMoveTable();

it('512 MiB: rounds spare most of the downtime, and a hybrid most of the exposure', async () => {
  const wish = { name: 'large', address: '10.77.1.45', mib: MEMORY_MIB };
  const container = await MovingMemory.start(cluster, wish, rows);
  const cold = await container.move('idle', 'cold', LINK);
  const precopy = await container.move('idle, static 2', 'precopy', `--iterations 2 ${LINK}`);
  expect(precopy.rounds).toHaveLength(2);
  expect(precopy.rounds[0]?.bytes).toBeGreaterThan(MEMORY_MIB * MIB);
  expect(bytesOfFinal(precopy)).toBeLessThan(12 * MIB);
  expect(precopy.downtimeMs).toBeLessThan((cold.downtimeMs ?? 0) / 5);

  await container.memory.write(4_000, DIRTY_MIB);
  const postcopy = await container.move('writer', 'postcopy', `${LINK} --max-exposure 10m`);
  const hybrid = await container.move('writer, static 1', 'hybrid', `--iterations 1 ${LINK}`);
  expect(bytesOfFinal(postcopy)).toBeGreaterThan(MEMORY_MIB * MIB);
  expect(bytesOfFinal(hybrid)).toBeLessThan(1.3 * DIRTY_MIB * MIB);
  expect(hybrid.exposureMs).toBeLessThan((postcopy.exposureMs ?? 0) / 4);
});
