import { afterAll, beforeAll, expect } from 'vitest';
import { buildTree } from '../../support/build.ts';
import { type Cluster, joinCluster, type LabWish, startLab } from './cluster.ts';
import { createLab, type Lab, ownName } from './lab.ts';
import { noLabTraces } from './traces.ts';

/** A lab for all tests of a file, up with its agents before the first and gone without a trace after the last. */
export function useCluster(suffix: string, wish: LabWish = {}): Cluster {
  const lab = createLab(`${ownName}${suffix}`);
  beforeAll(() => startLab(lab, wish));
  afterAll(() => gone(lab));
  return joinCluster(lab);
}

/** One node without an agent, in which tests run drivers of this checkout. */
export function useBareNode(suffix: string): Lab {
  const lab = createLab(process.env.GODWIT_LAB ?? `${ownName}${suffix}`);
  beforeAll(async () => {
    buildTree();
    expect(await lab.run(['up', '--no-agent', '--nodes', '1'])).toMatchObject({ exitCode: 0 });
    await lab.sh('n1', 'sysctl -qw fs.pipe-max-size=67108864');
  });
  afterAll(() => gone(lab));
  return lab;
}

async function gone(lab: Lab): Promise<void> {
  expect(await lab.run(['down'])).toMatchObject({ exitCode: 0 });
  await noLabTraces(lab.instance);
}
