import { beforeAll, describe, expect, it } from 'vitest';
import { bytesOfFinal, MIB, MovingMemory, useMoveTable } from '../moving-memory.ts';
import { useTwoMachines } from './use-two-machines.ts';

const LINK = '--bandwidth 12MiB/s';
const MEMORY_MIB = 64;
const DIRTY_MIB = 16;
const cluster = await useTwoMachines();
const rows = useMoveTable();
let container: MovingMemory;

beforeAll(async () => {
  container = await MovingMemory.start(
    cluster,
    { name: 'memory', address: '10.77.1.33', mib: MEMORY_MIB },
    rows,
  );
  await container.memory.write(400, DIRTY_MIB);
});

describe('a container between two machines, each with a kernel of its own', () => {
  it('goes there in a pre-copy, with its memory, its writer and its client', async () => {
    const boots = await Promise.all(
      ['n1', 'n2'].map((node) => cluster.lab.sh(node, 'cat /proc/sys/kernel/random/boot_id')),
    );
    expect(boots[0]).not.toBe(boots[1]);
    const { rounds } = await container.move('there', 'precopy', `--iterations 2 ${LINK}`);
    expect(rounds).toHaveLength(2);
    expect(rounds[0]?.bytes).toBeGreaterThan(MEMORY_MIB * MIB);
    expect(rounds[1]?.bytes).toBeLessThan((1.3 * DIRTY_MIB + 12) * MIB);
  });

  it('comes back in a pre-copy', async () => {
    const { rounds } = await container.move('back', 'precopy', `--iterations 2 ${LINK}`);
    expect(rounds).toHaveLength(2);
  });

  it('goes there again in a hybrid: only what is dirty follows', async () => {
    const result = await container.move('there again', 'hybrid', `--iterations 2 ${LINK}`);
    expect(result.mode).toBe('hybrid');
    expect(bytesOfFinal(result)).toBeLessThan((1.3 * DIRTY_MIB + 12) * MIB);
  });

  it('and back without rounds', async () => {
    const result = await container.move('back', 'postcopy', `${LINK} --max-exposure 10m`);
    expect(result.mode).toBe('postcopy');
  });
});
