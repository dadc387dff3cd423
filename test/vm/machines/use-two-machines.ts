import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Cluster, joinCluster, startLab } from '../../e2e/support/cluster.ts';
import { boot, halt } from '../machine.ts';
import { buildParts } from '../parts.ts';
import { push } from '../push.ts';
import { createMachinesLab } from './machines-lab.ts';

/**
 * Two guests with a cable between them, shared storage and a node in each, before the first test of a file; gone after
 * the last.
 */
export async function useTwoMachines(): Promise<Cluster> {
  const guests = [`pair-${process.pid}-1`, `pair-${process.pid}-2`] as const;
  // Not below /tmp, which is small on many machines.
  const dir = await mkdtemp('/var/tmp/godwit-pair-');
  const lab = createMachinesLab(guests, dir);
  beforeAll(async () => {
    const parts = await buildParts();
    await Promise.all(
      guests.map(async (name, index) => {
        const cable = { socket: join(dir, '.cable'), makes: index === 0 };
        // One processor each: this machine may have no more than two.
        await push(await boot(parts, { name, memoryMib: 2048, cpus: 1, cable, share: dir }, true));
      }),
    );
    await startLab(lab, { nodes: 2 });
  });
  afterAll(async () => {
    await Promise.all(guests.map(halt));
    await rm(dir, { recursive: true });
  });
  return joinCluster(lab);
}
