import { expect, it } from 'vitest';
import type { CheckpointList, ContainerInfo, RestoreResult } from '../../protocol/mod.ts';
import { startMemory } from '../e2e/support/memory.ts';
import { checkpoint } from '../e2e/support/store.ts';
import { useCluster } from '../e2e/support/use-lab.ts';

const MIB = 1024 * 1024;
const MEMORY_MIB = 32;
const WRITTEN_MIB = 4;
/** What the runtime of the workload touches by itself. */
const OWN_MIB = 12;
/** A slow guest cannot always be looked at in time. */
const ON = ['--leave-running', '--unsafe'];
const NAME = 'mem';
const cluster = useCluster('ci', { nodes: 2 });

it('only what was written since is in a checkpoint, and all of it comes back on another node', async () => {
  const memory = await startMemory(cluster, 'n1', { name: NAME, address: '10.77.1.33', mib: MEMORY_MIB });
  const whole = await checkpoint(cluster, NAME, ...ON);
  expect(whole.bytes.memory).toBeGreaterThan(MEMORY_MIB * MIB);
  await memory.write(2_000, WRITTEN_MIB);
  expect(await memory.check()).toMatchObject({ wrong: 0 });
  const second = await checkpoint(cluster, NAME, ...ON);
  // Nobody's pages but its own are looked at: a check reads.
  const third = await checkpoint(cluster, NAME, '--unsafe');
  for (const { bytes } of [second, third]) expect(bytes.memory).toBeLessThan((WRITTEN_MIB + OWN_MIB) * MIB);
  const { items } = await cluster.json<CheckpointList>('checkpoints', NAME);
  expect(items.map(({ id, parent }) => [id, parent])).toEqual([
    [third.checkpoint, second.checkpoint],
    [second.checkpoint, whole.checkpoint],
    [whole.checkpoint, undefined],
  ]);
  console.log(JSON.stringify([whole, second, third].map(({ bytes, downtimeMs }) => ({ bytes, downtimeMs }))));

  expect((await cluster.godwit('checkpoints', 'delete', whole.checkpoint)).exitCode).toBe(5);
  expect((await cluster.godwit('checkpoints', 'verify', third.checkpoint)).exitCode).toBe(0);
  const back = await cluster.json<RestoreResult>('restore', NAME, '--node', 'n2');
  expect(back).toMatchObject({ outcome: 'done', node: 'n2', checkpoint: third.checkpoint });
  const after = await memory.check();
  expect(after).toMatchObject({ pages: MEMORY_MIB * 256, wrong: 0 });
  expect(after.writes).toBeGreaterThan(0);
  await memory.close();

  // What was restored is another set of tasks, of which the kernel has no marks.
  await checkpoint(cluster, NAME, ...ON);
  const { items: now } = await cluster.json<CheckpointList>('checkpoints', NAME);
  expect(now[0]?.parent).toBeUndefined();
  const { container } = await cluster.json<ContainerInfo>('inspect', NAME);
  expect(container).toMatchObject({ owner: 'n2', state: 'running' });
});
