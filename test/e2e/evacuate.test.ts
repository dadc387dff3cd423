import { expect, it } from 'vitest';
import type { ContainerInfo, EvacuateResult, NodeInfo } from '../../protocol/mod.ts';
import { type ContainerWish, startContainer } from './support/containers.ts';
import { lxcState, tracesOf } from './support/node-state.ts';
import { startRedisClient } from './support/redis-client.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('ev');
const HOST = '10.77.1.40';

/** What the small ones do all the time, each a little of another resource. */
const KINDS: readonly (readonly string[])[] = [
  ['/bin/sh', '-c', 'while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.2; done'],
  ['/bin/sh', '-c', 'while :; do echo $$ >/tmp/written; sleep 0.1; done'],
  [
    '/bin/python3',
    '-I',
    '-S',
    '-c',
    'import itertools, time; b = bytearray(1 << 24); all(b.__setitem__(i % (1 << 24), i % 256) is time.sleep(0.01) for i in itertools.count(0, 4096))',
  ],
  ['/bin/sh', '-c', 'while :; do sleep 1; done'],
];

function wishOf(i: number): ContainerWish {
  const [init = '', ...args] = KINDS[i % KINDS.length] ?? [];
  return { name: `small${i}`, address: `10.77.1.${50 + i}`, init, args: args.map(escaped), memoryMib: 64 };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

it('empties a node of containers under all kinds of load, two at a time, unseen by a client', async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: HOST, memoryMib: 256 });
  for (let i = 0; i < 11; i++) await startContainer(cluster, 'n1', 'generic', wishOf(i));
  const client = await startRedisClient(cluster, { host: HOST, megabytes: 10 });
  const result = await cluster.json<EvacuateResult>('evacuate', 'n1', '--parallel', '2');
  expect(result).toMatchObject({ node: 'n1', outcome: 'done' });
  expect(result.items).toHaveLength(12);
  expect(result.items.map(({ state }) => state)).toEqual(Array(12).fill('moved'));
  // Both took part: what one got counted in its next bid.
  expect(new Set(result.items.map(({ target }) => target))).toEqual(new Set(['n2', 'n3']));
  for (const { container, target = '' } of result.items) {
    await until(`${container} is at rest`, 60_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', container, '--json');
      return exitCode === 0 && (JSON.parse(stdout) as ContainerInfo).container.phase === 'running';
    });
    expect(await lxcState(cluster, target, container)).toBe('RUNNING');
    expect(await tracesOf(cluster, 'n1', container)).toEqual([]);
  }
  expect(await cluster.json<NodeInfo>('node', 'show', 'n1')).toMatchObject({
    state: 'cordoned',
    containers: [],
  });
  expect(await client.finish()).toMatchObject({ ok: true, wrong: 0, problems: [] });
});
