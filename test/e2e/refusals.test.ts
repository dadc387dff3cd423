import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, MigrateReply } from '../../protocol/mod.ts';
import { domainXml, startContainer } from './support/containers.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('no', { nodes: 2 });

beforeAll(async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'web', address: '10.77.1.40', memoryMib: 256 });
});

describe('what cannot be is said at once, in one line, with its exit code', () => {
  it.each<[string, string[], number, RegExp]>([
    ['a target that nobody knows', ['migrate', 'web', 'n9'], 3, /no node named 'n9' answers/],
    [
      'a container that nobody owns',
      ['migrate', 'nobody', 'n2'],
      3,
      /no node owns a container named 'nobody'/,
    ],
    ['the node it is on', ['migrate', 'web', 'n1'], 2, /is on n1 already/],
    ['an unknown flag', ['migrate', 'web', 'n2', '--sideways'], 2, /--sideways/],
    ['an unknown mode', ['migrate', 'web', 'n2', '--mode', 'warp'], 2, /warp/],
    ['a name that leaves its directory', ['start', '../web'], 2, /\.\.\/web/],
    ['a mode the kernel has no part for', ['migrate', 'web', 'n2', '--mode', 'precopy'], 8, /precopy/],
    ['a bus that is not there', ['--server', 'nats://10.77.0.99:4222', 'ps'], 6, /10\.77\.0\.99/],
  ])('%s', async (_what, args, exitCode, words) => {
    const result = await cluster.godwit(...args);
    expect({ exitCode: result.exitCode, stdout: result.stdout }).toEqual({ exitCode, stdout: '' });
    expect(result.stderr).toMatch(words);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  it('a bridge that the target does not have', async () => {
    await cluster.lab.sh('n1', 'ip link add other0 type bridge && ip link set other0 up');
    await startContainer(cluster, 'n1', 'redis', {
      name: 'bridged',
      address: '10.77.1.41',
      bridge: 'other0',
    });
    const result = await cluster.godwit('migrate', 'bridged', 'n2');
    expect(result.exitCode).toBe(8);
    expect(result.stderr).toMatch(/other0/);
    const looked = await cluster.godwit('migrate', 'bridged', 'n2', '--dry-run', '--json');
    expect(looked.exitCode).toBe(8);
    const dry: MigrateReply = JSON.parse(looked.stdout);
    expect(dry.preflight?.refusals.map((refusal) => refusal.node)).toContain('n2');
    expect((await cluster.json<ContainerInfo>('inspect', 'bridged')).container).toMatchObject({
      owner: 'n1',
      state: 'running',
    });
  });

  it('XML with a name that leaves its directory, with the place', async () => {
    const file = join(tmpdir(), `${cluster.lab.instance}.xml`);
    await writeFile(
      file,
      domainXml({ name: 'x', address: '10.77.1.42' }).replace('<name>x<', '<name>../../etc<'),
    );
    const result = await cluster.godwit('define', file);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toMatch(/\.xml:2:\d+: /);
  });
});

it('of two moves of one container at once, one wins and the other gets a conflict', async () => {
  const both = await Promise.all([
    cluster.godwit('migrate', 'web', 'n2'),
    cluster.godwit('migrate', 'web', 'n2'),
  ]);
  expect(both.map((result) => result.exitCode).sort()).toEqual([0, 5]);
  expect(both.find((result) => result.exitCode === 5)?.stderr).toMatch(/busy with job/);
});

it('a node cordoned by its operator takes no container', async () => {
  expect((await cluster.godwit('node', 'cordon', 'n1')).exitCode).toBe(0);
  expect((await cluster.godwit('migrate', 'web', 'n1')).exitCode).toBe(8);
  expect((await cluster.godwit('node', 'uncordon', 'n1')).exitCode).toBe(0);
});

it('the doctor finds a lab node fit, having really dumped and restored two processes', async () => {
  const result = await cluster.godwit('doctor', 'n1');
  expect(result.exitCode, result.stdout).toBe(0);
});
