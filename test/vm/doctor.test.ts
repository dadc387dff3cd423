import { describe, expect, it } from 'vitest';
import type { DoctorList } from '../../protocol/documents.ts';
import { useCluster } from '../e2e/support/use-lab.ts';

const cluster = useCluster('vd', { nodes: 2 });

describe('doctor where the kernel tracks dirty memory', () => {
  it('finds pre-copy possible and all trials good', async () => {
    const { items } = await cluster.json<DoctorList>('doctor');
    for (const check of ['pre-copy', 'post-copy', 'cold-trial', 'post-copy-trial'])
      expect(items.filter(({ name, status }) => name === check && status === 'ok')).toHaveLength(2);
    expect(items.filter(({ status }) => status === 'failed')).toEqual([]);
  });
});
