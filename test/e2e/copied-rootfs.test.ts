import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { ContainerInfo, MigrateResult } from '../../protocol/mod.ts';
import { ODD_TREE } from '../support/odd-tree.ts';
import { armAgent } from './chaos/agents.ts';
import { startContainer } from './support/containers.ts';
import { labDisk } from './support/lab.ts';
import { lxcState, tracesOf } from './support/node-state.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('root', { nodes: 2 });
const NAME = 'files';
const ROOT = `/srv/local/${NAME}`;
/** Appends numbers. In one process: one that ends in the very moment of the freeze cannot be seized, and criu gives up. */
const WRITER =
  "import itertools, time; [(open('/data/log', 'a').write(f'{i}\\n'), time.sleep(0.02)) for i in itertools.count(1)]";

beforeAll(async () => {
  await startContainer(cluster, 'n1', 'generic', {
    name: NAME,
    address: '10.77.1.70',
    memoryMib: 64,
    copiedIn: '/srv/local',
    args: ['/bin/python3', '-I', '-S', '-c', WRITER],
  });
  await cluster.lab.run([
    'exec',
    'n1',
    '--',
    'bash',
    '-euc',
    `mkdir ${ROOT}/odd; cd ${ROOT}/odd; ${ODD_TREE}`,
  ]);
});

/** A directory of a node as this machine sees it. */
const on = (node: string, dir: string) => join(labDisk, cluster.lab.instance, node, 'local', dir);

/** What rsync itself finds different, but for what the container goes on to write. */
function differences(left: string, right: string): string {
  const options = ['-naAXHSi', '--checksum', '--delete', '--numeric-ids', '--exclude=/data/log'];
  return execFileSync('rsync', [...options, `${left}/`, `${right}/`], { encoding: 'utf8' });
}

/** Every number from 1 on, each once: nothing that was written was lost or written twice. */
async function expectUnbroken(node: string): Promise<void> {
  const check = `n=0; while read i; do n=$((n+1)); [ $i = $n ] || { echo $n $i; exit; }; done <${ROOT}/data/log; echo ok`;
  expect(await cluster.lab.sh(node, check)).toBe('ok');
  const at = () => cluster.lab.sh(node, `tail -n 1 ${ROOT}/data/log`);
  const before = await at();
  await until('the writer goes on', 30_000, async () => (await at()) !== before);
}

/** --unsafe: a writer that waits for a slow disk looks stuck to the look before a move. */
const move = (to: string, ...args: string[]) =>
  cluster.json<MigrateResult>('migrate', NAME, to, '--unsafe', ...args);

it('moves with its root file system, whatever is in it, and back with what changed only', async () => {
  const first = await move('n2', '--mode', 'cold');
  expect(first).toMatchObject({ outcome: 'done', target: 'n2' });
  expect(first.rootfsPasses.at(-1)).toMatchObject({ frozen: true });
  expect(first.rootfsPasses.filter(({ frozen }) => !frozen).length).toBeGreaterThan(1);
  expect(first.bytes.rootfs).toBeGreaterThan(3_000_000);
  await expectUnbroken('n2');
  expect(differences(on('n1', `${NAME}.migrated`), on('n2', NAME))).toBe('');
  expect(await tracesOf(cluster, 'n1', NAME)).toEqual([]);

  const second = await move('n1', '--mode', 'postcopy');
  expect(second.outcome).toBe('done');
  expect(second.bytes.rootfs).toBeLessThan(first.bytes.rootfs / 5);
  await expectUnbroken('n1');
  expect(differences(on('n2', `${NAME}.migrated`), on('n1', NAME))).toBe('');
  expect(await cluster.lab.sh('n1', 'ls /srv/local')).toBe(NAME);
});

/** A cold move in which the agent of a node dies at this point. */
async function strike(node: string, point: string): Promise<void> {
  const mark = await armAgent(cluster.lab, node, `${point}:kill-agent`);
  const answers = async () => (await cluster.godwit('inspect', NAME)).exitCode === 0;
  await until('its node answers again', 60_000, answers);
  let last = '';
  await until(
    () => `the move begins: ${last}`,
    60_000,
    async () => {
      const wish = ['migrate', NAME, 'n2', '--mode', 'cold', '--unsafe', '--json'];
      const { stdout, stderr } = await cluster.godwit(...wish);
      last = `${stdout}${stderr}`;
      // A server that has just come back may not have heard yet of nodes at other servers: then nothing was begun.
      return !/"code": *"(NODE|CONTAINER)_NOT_FOUND"/.test(last);
    },
  );
  await until(
    () => `the agent dies at ${point}: ${last}`,
    30_000,
    () => mark.has('a fault strikes', point),
  );
}

const POINTS = [
  ['source.rootfs', 'n1'],
  ['source.rootfs-rest', 'n1'],
  ['target.rootfs', 'n2'],
  ['target.rootfs-check', 'n2'],
] as const;

/** Every day those at which the container stands still. */
it.each(process.env.GODWIT_CHAOS ? POINTS : [POINTS[1], POINTS[3]])(
  'an agent that dies at %s leaves the container where it was, and nothing half-made',
  async (point, node) => {
    await strike(node, point);
    await until('the container is back', 60_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', NAME, '--json');
      if (exitCode !== 0) return false;
      const { container } = JSON.parse(stdout) as ContainerInfo;
      return container.phase === 'running' && container.state === 'running' && container.job === undefined;
    });
    const info = await cluster.json<ContainerInfo>('inspect', NAME);
    expect(info.container).toMatchObject({ owner: 'n1', state: 'running' });
    expect(await lxcState(cluster, 'n1', NAME)).toBe('RUNNING');
    await expectUnbroken('n1');
    await until(
      'nothing is left there',
      60_000,
      async () => (await tracesOf(cluster, 'n2', NAME)).length === 0,
    );
    expect(await cluster.lab.sh('n2', 'ls /srv/local')).toBe(`${NAME}.migrated`);
  },
);

it('an agent that dies when its container has left puts the files aside all the same', async () => {
  await strike('n1', 'source.leave-rootfs');
  await until(
    'the files are aside',
    60_000,
    async () => (await cluster.lab.sh('n1', 'ls /srv/local')) === `${NAME}.migrated`,
  );
  await expectUnbroken('n2');
});

it('does not touch a directory of somebody else, and says so', async () => {
  const { container } = await cluster.json<ContainerInfo>('inspect', NAME);
  const other = container.owner === 'n1' ? 'n2' : 'n1';
  await cluster.lab.sh(
    other,
    `rm -rf ${ROOT} ${ROOT}.migrated /var/lib/godwit/rootfs; mkdir ${ROOT}; echo mine >${ROOT}/file`,
  );
  const { exitCode, stderr } = await cluster.godwit('migrate', NAME, other);
  expect(exitCode).toBe(8);
  expect(stderr).toContain('something lies where the root file system would be copied to');
  expect(await cluster.lab.sh(other, `cat ${ROOT}/file`)).toBe('mine');
});
