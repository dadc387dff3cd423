import { beforeAll, expect, it } from 'vitest';
import type { MigrateResult } from '../../protocol/mod.ts';
import { atRest } from './support/at-rest.ts';
import { startContainer } from './support/containers.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('vf', { nodes: 2 });
/** Starts one program after the other: half of the time it waits for a vfork's child. */
const SPAWN = `exec("import os\\nwhile 1: os.waitpid(os.posix_spawn('/bin/true',['true'],{}),0)")`;

beforeAll(() =>
  startContainer(cluster, 'n1', 'generic', {
    name: 'spawner',
    address: '10.77.1.90',
    init: '/bin/python3',
    args: ['-I', '-S', '-c', SPAWN],
    memoryMib: 64,
  }),
);

it.each([
  ['cold', 'n2'],
  ['cold', 'n1'],
  ['postcopy', 'n2'],
  ['postcopy', 'n1'],
  ['cold', 'n2'],
  ['cold', 'n1'],
] as const)('a container that starts programs all the time moves (%s, to %s)', async (mode, target) => {
  const moved = await cluster.json<MigrateResult>('migrate', 'spawner', target, '--mode', mode);
  expect(moved).toMatchObject({ outcome: 'done', target });
  await atRest(cluster, 'spawner');
});
