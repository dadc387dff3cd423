import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerDigest, ContainerInfo } from '../../protocol/mod.ts';
import { type Memory, startMemory } from './support/memory.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('dead', { nodes: 2 });
let memory: Memory;

beforeAll(async () => {
  memory = await startMemory(cluster, 'n1', { name: 'app', address: '10.77.1.40', mib: 32 });
});
afterAll(() => memory.close());

describe('an idle agent that is killed', () => {
  it('takes over its nats-server and its containers, which notice nothing', async () => {
    const inspect = () => cluster.json<ContainerInfo>('inspect', 'app');
    const server = () => cluster.lab.sh('n1', 'pidof nats-server');
    const agent = () => cluster.lab.sh('n1', 'cat /run/lab/agent.pid 2>/dev/null || :');
    await memory.write(200, 16);
    const [before, serverBefore, agentBefore] = [await inspect(), await server(), await agent()];

    expect(await cluster.lab.run(['agent', 'n1', 'kill'])).toMatchObject({ exitCode: 0 });
    await until('another agent runs', 10_000, async () => !['', agentBefore].includes(await agent()));
    await until(
      'it answers for its container',
      15_000,
      async () => (await cluster.godwit('inspect', 'app')).exitCode === 0,
    );

    expect((await inspect()).container).toMatchObject({
      pid: before.container.pid,
      owner: 'n1',
      epoch: before.container.epoch,
      phase: 'running',
      state: 'running',
    });
    expect(await server()).toBe(serverBefore);
    const { items } = await cluster.json<{ items: ContainerDigest[] }>('ps');
    expect(items.map(({ name, state }) => ({ name, state }))).toEqual([{ name: 'app', state: 'running' }]);
    const check = await memory.check();
    expect(check).toMatchObject({ wrong: 0 });
    expect(check.writes).toBeGreaterThan(0);
  });
});
