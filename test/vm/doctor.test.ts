import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoctorList } from '../../protocol/documents.ts';
import { type Cluster, startCluster } from '../e2e/support/cluster.ts';
import { ownName } from '../e2e/support/lab.ts';
import { noLabTraces } from '../e2e/support/traces.ts';

const instance = `${ownName}vd`;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster(instance, { nodes: 2 });
});

afterAll(async () => {
  await cluster?.down();
  await noLabTraces(instance);
});

describe('doctor where the kernel tracks dirty memory', () => {
  it('finds pre-copy possible and all trials good', async () => {
    const { items } = await cluster.json<DoctorList>('doctor');
    for (const check of ['pre-copy', 'post-copy', 'cold-trial', 'post-copy-trial'])
      expect(items.filter(({ name, status }) => name === check && status === 'ok')).toHaveLength(2);
    expect(items.filter(({ status }) => status === 'failed')).toEqual([]);
  });
});
