import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, Job, MigrateReply, MigrateResult } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { lxcState, networkLocks, tracesOf } from './support/node-state.ts';
import { type RedisClient, startRedisClient } from './support/redis-client.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const host = '10.77.1.30';
const cluster = useCluster('fail', { nodes: 2 });
let client: RedisClient;
/** Leaves a datagram with its sender's credentials (16: SO_PASSCRED) unread until it gets SIGUSR1. */
const QUEUED = `exec("import signal, socket as s\\nsignal.pthread_sigmask(0,[10]);a,b=s.socketpair(s.AF_UNIX,s.SOCK_DGRAM);b.setsockopt(1,16,1);a.send(b'x')\\nwhile 1: signal.sigwait([10]);b.recv(1)")`;

beforeAll(async () => {
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: host, memoryMib: 512 });
  client = await startRedisClient(cluster, { host, megabytes: 20 });
});

afterEach(async () => {
  for (const node of ['n1', 'n2'])
    await cluster.lab.sh(node, 'rm -f /usr/local/sbin/lxc-checkpoint /usr/local/sbin/criu');
});

/** A program in front of the real one on a node: `$@` are its arguments, `$dir` the image directory among them. */
async function inFront(program: string, script: string, node = 'n2'): Promise<void> {
  const text = `#!/bin/sh
prev=; for arg; do case $prev in -D|--images-dir) dir=$arg ;; esac; prev=$arg; done
${script}
`;
  await cluster.lab.sh(
    node,
    `cat >/usr/local/sbin/${program} <<'WRAPPER'\n${text}WRAPPER\nchmod 755 /usr/local/sbin/${program}`,
  );
}

describe.each(['cold', 'postcopy'] as const)('a %s move that fails on the target', (mode) => {
  it('with a bad image leaves the container running at the source', async () => {
    // criu runs it before the hook at which the images are sent: the last script that it is given comes first.
    const spoil = `cat >/run/spoil <<SPOIL
#!/bin/sh
[ \\$CRTOOLS_SCRIPT_ACTION != post-dump ] || : >$dir/pstree.img
SPOIL
chmod 755 /run/spoil; set -- "$@" --action-script /run/spoil`;
    await inFront('criu', `if [ "$1" = dump ]; then\n${spoil}\nfi\nexec /usr/sbin/criu "$@"`, 'n1');
    await expectFailed('redis', mode, /Unexpected EOF/);
  });

  it('with a killed criu leaves the container running at the source', async () => {
    const kill = 'until criu=$(pgrep -f -- "criu restore"); do sleep 0.01; done; kill -9 $criu';
    await inFront(
      'lxc-checkpoint',
      `/usr/bin/lxc-checkpoint "$@" & checkpoint=$!\n${kill}; wait $checkpoint`,
    );
    await expectFailed('redis', mode, /./);
  });

  it('with a bridge that is gone at the last moment leaves the container running at the source', async () => {
    const bridge = 'ip link add other0 type bridge && ip link set other0 up';
    for (const node of ['n1', 'n2'])
      await cluster.lab.sh(node, `ip link show other0 >/dev/null 2>&1 || { ${bridge}; }`);
    const wish = { name: `bridged-${mode}`, address: '10.78.0.1', bridge: 'other0', memoryMib: 128 };
    await startContainer(cluster, 'n1', 'redis', wish);
    await inFront('lxc-checkpoint', 'ip link del other0; exec /usr/bin/lxc-checkpoint "$@"');
    await expectFailed(wish.name, mode, /other0/);
  });
});

it('a target without room leaves the container running at the source', async () => {
  await inFront(
    'criu',
    'case $1 in page-server) head -c 4000M /dev/zero >$dir/filler 2>/dev/null ;; esac; exec /usr/sbin/criu "$@"',
  );
  await expectFailed('redis', 'cold', /No space left|ENOSPC/i);
});

it('a dump that met a message which tells who sent it is done once more, and nobody has to ask for it', async () => {
  await startContainer(cluster, 'n1', 'generic', {
    name: 'queued',
    address: '10.77.1.31',
    init: '/bin/python3',
    args: ['-I', '-S', '-c', QUEUED],
    memoryMib: 64,
  });
  // What happens between two tries by chance happens here for certain: the message is read.
  const read = 'kill -USR1 "$(lxc-info -n queued -pH)"';
  await inFront(
    'criu',
    `[ "$1" = dump ] || exec /usr/sbin/criu "$@"\n/usr/sbin/criu "$@" && exit\nstatus=$?; ${read}; exit $status`,
    'n1',
  );
  const moved = await cluster.json<MigrateResult>('migrate', 'queued', 'n2', '--mode', 'cold');
  expect(moved.outcome).toBe('done');
  const { phases } = await cluster.json<Job>('job', 'show', moved.job);
  expect(phases.filter(({ name }) => name === 'dump')).toHaveLength(2);
  // What is left of others is looked for on its node below.
  expect((await cluster.godwit('stop', 'queued', '--kill')).exitCode).toBe(0);
  expect((await cluster.godwit('undefine', 'queued')).exitCode).toBe(0);
});

describe("a move that is slow enough to change one's mind", () => {
  const slowly = ['migrate', 'redis', 'n2', '--mode', 'cold', '--bandwidth', '2MiB/s'];

  it('is ended by an abort from anywhere, and the container runs on', async () => {
    const { job } = await cluster.json<MigrateReply>(...slowly, '--detach');
    const look = () => cluster.json<Job>('job', 'show', job ?? '');
    await until('memory is on its way', 20_000, async () => (await look()).progress.bytes > 0);
    expect((await cluster.godwit('job', 'abort', job ?? '')).exitCode).toBe(0);
    await until('the job has ended', 60_000, async () => (await look()).state === 'ended');
    expect((await look()).outcome).toBe('aborted');
    await expectAtSource('redis');
  });

  it('is ended by its time limit, and the container runs on', async () => {
    expect((await cluster.godwit(...slowly, '--timeout', '2s')).exitCode).toBe(124);
    await expectAtSource('redis');
  });
});

it('the client never lost its connection, and a move still works', async () => {
  const result = await cluster.json<MigrateResult>('migrate', 'redis', 'n2', '--mode', 'postcopy');
  expect(result.outcome).toBe('done');
  expect(await ping()).toBe('PONG');
  const verdict = await client.finish();
  expect(verdict.problems).toEqual([]);
  expect(verdict.ok).toBe(true);
});

async function expectFailed(container: string, mode: string, reason: RegExp): Promise<void> {
  const moved = await cluster.godwit('migrate', container, 'n2', '--mode', mode, '--json');
  const result: MigrateResult = JSON.parse(moved.stdout);
  expect({ exit: moved.exitCode, outcome: result.outcome }, moved.stderr).toEqual({
    exit: 1,
    outcome: 'failed',
  });
  expect(result.error?.code).toMatch(/RESTORE_FAILED|TRANSFER_FAILED|DUMP_FAILED/);
  expect(result.error?.message).toMatch(reason);
  await expectAtSource(container);
}

/** It runs where it was, reachable, and the target has no trace of the attempt. */
async function expectAtSource(container: string): Promise<void> {
  const info = await cluster.json<ContainerInfo>('inspect', container);
  expect(info.container).toMatchObject({ owner: 'n1', epoch: 1, phase: 'running', state: 'running' });
  expect(await lxcState(cluster, 'n1', container)).toBe('RUNNING');
  if (container === 'redis') expect(await ping()).toBe('PONG');
  expect(await networkLocks(cluster, 'n1', container)).toBe('');
  // A target that was not reached in time clears up by itself.
  let left: string[] = [];
  await until(
    () => `nothing is left on n2: ${left.join('\n')}`,
    20_000,
    async () => {
      left = await tracesOf(cluster, 'n2', container);
      return left.length === 0;
    },
  );
}

/** Whether the container answers somebody new. */
async function ping(): Promise<string> {
  const { stdout, stderr } = await cluster.lab.run([
    'client',
    '--',
    'timeout',
    '20',
    'redis-cli',
    '-h',
    host,
    'ping',
  ]);
  return stdout.trim() || stderr || 'no answer';
}
