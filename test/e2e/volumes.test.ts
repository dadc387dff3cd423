import { beforeAll, expect, it } from 'vitest';
import type { ContainerInfo, Job, MigrateResult, RestoreResult } from '../../protocol/mod.ts';
import { domainXml, makeRootfs, startContainer } from './support/containers.ts';
import { tracesOf } from './support/node-state.ts';
import { checkpoint } from './support/store.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('vol', { nodes: 2 });
const NAME = 'layers';
/** Appends numbers to the root and to the volume, and writes to a file that was of the lower directory and stays open. */
const WRITER = `
import itertools, time
lower = open('/etc/lower', 'r+b', 0)
for i in itertools.count(1):
    for path in ('/data/log', '/vol/log'):
        open(path, 'a').write(f'{i}\\n')
    lower.seek(0)
    lower.write(f'{i:16}'.encode())
    time.sleep(0.02)
`;
const wish = {
  name: NAME,
  address: '10.77.1.75',
  memoryMib: 64,
  args: ['/bin/python3', '-I', '-S', '/writer.py'],
  copiedIn: '/srv/local',
  devices: `
    <filesystem><source dir='/srv/local/volume'/><target dir='/vol'/></filesystem>
    <filesystem><source dir='/srv/godwit/shared'/><target dir='/mnt'/></filesystem>`,
};
const SETTINGS = `
  <godwit:rootfs policy='copy' lower='/srv/local/base'/>
  <godwit:volume target='/vol' policy='copy' left='delete'/>
  <godwit:volume target='/mnt' policy='shared'/>`;

async function define(): Promise<void> {
  const input = domainXml({ ...wish, settings: SETTINGS });
  const { exitCode, stderr } = await cluster.lab.run(
    ['client', '--', 'godwit', 'define', '-', '--node', 'n1'],
    { input },
  );
  expect(exitCode, stderr).toBe(0);
}

beforeAll(async () => {
  await makeRootfs(cluster, 'generic', wish);
  const write = `cat >/srv/godwit/${NAME}/writer.py <<'END'\n${WRITER}\nEND
    mkdir -p /srv/godwit/shared /srv/godwit/${NAME}/vol; truncate -s 4096 /srv/godwit/${NAME}/etc/lower`;
  await cluster.lab.sh('n1', write);
  for (const node of ['n1', 'n2']) await cluster.lab.sh(node, `cp -a /srv/godwit/${NAME} /srv/local/base`);
  await cluster.lab.sh('n1', `mkdir /srv/local/${NAME} /srv/local/volume`);
  await define();
  expect((await cluster.godwit('start', NAME)).exitCode).toBe(0);
});

/** Every number from 1 on, each once, in all three places. */
async function expectUnbroken(node: string): Promise<void> {
  const check = `for log in ${NAME}/data volume; do
    n=0; while read i; do n=$((n+1)); [ $i = $n ] || { echo $log $n $i; exit; }; done </srv/local/$log/log; done; echo ok`;
  expect(await cluster.lab.sh(node, check)).toBe('ok');
  const at = () => cluster.lab.sh(node, 'tail -n 1 /srv/local/volume/log');
  const before = Number(await at());
  await until('the writer goes on', 20_000, async () => Number(await at()) > before);
  const written = `head -c 16 /proc/$(lxc-info -n ${NAME} -pH)/root/etc/lower`;
  expect(Number(await cluster.lab.sh(node, written))).toBeGreaterThanOrEqual(before);
}

/** --unsafe: a writer that waits for a slow disk looks stuck to the look before a move. */
const move = (to: string, ...args: string[]) =>
  cluster.godwit('migrate', NAME, to, '--unsafe', '--json', ...args);

it('an overlay with a volume moves there and back, by what is its own only', async () => {
  const first = JSON.parse((await move('n2', '--mode', 'cold')).stdout) as MigrateResult;
  expect(first).toMatchObject({ outcome: 'done', target: 'n2' });
  await expectUnbroken('n2');
  expect(await cluster.lab.sh('n1', 'ls /srv/local')).toBe(`base\n${NAME}.migrated`);
  expect(await cluster.lab.sh('n1', 'grep -c overlay/ /proc/mounts || :')).toBe('0');
  expect(await tracesOf(cluster, 'n1', NAME)).toEqual([]);
  const sizes = await cluster.lab.sh('n2', `du -s /srv/local/base /srv/local/${NAME} | cut -f 1`);
  const [base = 0, upper = 0] = sizes.split('\n').map(Number);
  expect(upper).toBeLessThan(base / 4);

  const second = JSON.parse((await move('n1', '--mode', 'postcopy')).stdout) as MigrateResult;
  expect(second).toMatchObject({ outcome: 'done', target: 'n1' });
  await expectUnbroken('n1');
  expect(await cluster.lab.sh('n2', 'ls /srv/local')).toBe(`base\n${NAME}.migrated`);
});

/** What `change` does in a shell to the other node's lower directory; afterwards that is as it was. */
async function withOtherHosts(change: string, work: () => Promise<void>): Promise<void> {
  const hosts = '/srv/local/base/etc/hosts';
  await cluster.lab.sh('n2', `cp -a ${hosts} /tmp/hosts; ${change} ${hosts}`);
  try {
    await work();
  } finally {
    await cluster.lab.sh('n2', `cp -a /tmp/hosts ${hosts}`);
  }
  const { container } = await cluster.json<ContainerInfo>('inspect', NAME);
  expect(container).toMatchObject({ owner: 'n1', state: 'running' });
  await expectUnbroken('n1');
  expect(await cluster.lab.sh('n2', 'ls /srv/local')).toBe(`base\n${NAME}.migrated`);
}

it('is refused before anything begins where a list shows that the lower directory differs', () =>
  withOtherHosts('echo other >>', async () => {
    const dry = await cluster.godwit('migrate', NAME, 'n2', '--unsafe', '--dry-run', '--json');
    expect(`${dry.stdout}${dry.stderr}`).toContain('LOWER_DIFFERS');
    const { exitCode, stderr, stdout } = await move('n2', '--mode', 'cold');
    expect(exitCode).toBe(8);
    expect(`${stdout}${stderr}`).toMatch(/PREFLIGHT_REFUSED.*base has other entries in \W+etc\W/s);
  }));

it('is refused with the first path whose contents differ in the lower directory, the next time at once', () =>
  withOtherHosts("sed -i 's/^./#/'", async () => {
    const first = await move('n2', '--mode', 'cold');
    expect(`${first.stdout}${first.stderr}`).toMatch(/LOWER_DIFFERS.*etc\/hosts\W+ is another one/s);
    const { exitCode, stderr, stdout } = await move('n2', '--mode', 'cold');
    expect(exitCode).toBe(8);
    expect(`${stdout}${stderr}`).toMatch(/PREFLIGHT_REFUSED.*base has files with other contents/s);
  }));

it('goes on with a pass whose link broke, and keeps to a bandwidth', async () => {
  await cluster.lab.sh('n1', 'head -c 6000000 /dev/urandom >/srv/local/volume/ballast');
  const wished = ['migrate', NAME, 'n2', '--unsafe', '--mode', 'cold', '--bandwidth', '2MiB/s', '--detach'];
  const { job } = await cluster.json<{ job: string }>(...wished);
  const show = () => cluster.json<Job>('job', 'show', job);
  await until('files cross', 60_000, async () => {
    const { progress, state } = await show();
    if (state === 'ended') throw new Error('the move has ended before its link could be cut');
    return progress.bytes > 500_000;
  });
  try {
    await cluster.lab.run(['cut', 'n2', '--from', 'n1']);
    // Longer than a silent connection is believed, shorter than a stream waits for another one.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  } finally {
    await cluster.lab.run(['heal', 'n2']);
  }
  // Just after a cut an answer may come too late.
  const ended = async () => (await show().catch(() => undefined))?.state === 'ended';
  await until('the move has ended', 120_000, ended);
  const { outcome, error, rootfsPasses } = await show();
  expect(outcome, JSON.stringify(error)).toBe('done');
  const [whole] = rootfsPasses;
  expect(whole?.bytes).toBeGreaterThan(6_000_000);
  expect(whole?.durationMs).toBeGreaterThan(2_000);
  await expectUnbroken('n2');
});

it('comes out of a checkpoint on the other node with its directories as they were when it stood still', async () => {
  const owner = (await cluster.json<ContainerInfo>('inspect', NAME)).container.owner;
  const other = owner === 'n1' ? 'n2' : 'n1';
  const at = async (node: string) => Number(await cluster.lab.sh(node, 'tail -n 1 /srv/local/volume/log'));
  const { checkpoint: id, ...made } = await checkpoint(cluster, NAME, '--leave-running', '--unsafe');
  expect(made.bytes.rootfs).toBeGreaterThan(0);
  const then = await at(owner);
  await until('the writer is further', 20_000, async () => (await at(owner)) > then + 5);
  expect((await cluster.godwit('stop', NAME, '--kill')).exitCode).toBe(0);
  const stopped = await at(owner);

  const back = await cluster.json<RestoreResult>('restore', NAME, '--from', id, '--node', other, '--unsafe');
  expect(back).toMatchObject({ outcome: 'done', node: other });
  // It goes on counting from the checkpoint on, without a number missing or twice, and does not know of what came after.
  await expectUnbroken(other);
  // What it wrote after the checkpoint is nowhere else; the volume does not stay, as it wishes.
  const aside = `${NAME}.replaced-${back.job}`;
  const left = () => cluster.lab.sh(owner, 'ls /srv/local');
  await until('the other node has cleared up', 60_000, async () => (await left()) === `base\n${aside}`);
  expect(await cluster.lab.sh(owner, `tail -n 1 /srv/local/${aside}/data/log`)).toBe(String(stopped));
  expect(await tracesOf(cluster, owner, NAME)).toEqual([]);

  // In place: what was written since is kept beside it.
  expect((await cluster.godwit('stop', NAME, '--kill')).exitCode).toBe(0);
  const again = await cluster.json<RestoreResult>('restore', NAME, '--from', id, '--unsafe');
  expect(again).toMatchObject({ outcome: 'done', node: other });
  await expectUnbroken(other);
  const here = (await cluster.lab.sh(other, 'ls /srv/local')).split('\n');
  expect(here).toEqual(expect.arrayContaining([NAME, `${NAME}.replaced-${again.job}`, 'volume']));
});

it('stays for a volume that is not to leave, and for one that others of its node use', async () => {
  const { owner } = (await cluster.json<ContainerInfo>('inspect', NAME)).container;
  const other = owner === 'n1' ? 'n2' : 'n1';
  await startContainer(cluster, owner, 'generic', {
    name: 'stays',
    address: '10.77.1.76',
    memoryMib: 64,
    devices: "<filesystem><source dir='/srv/local/volume'/><target dir='/vol'/></filesystem>",
    settings: "<godwit:volume target='/vol' policy='refuse'/>",
  });
  try {
    for (const [name, code] of [
      ['stays', 'VOLUME_STAYS'],
      [NAME, 'VOLUME_IN_USE'],
    ] as const) {
      const before = await cluster.json<ContainerInfo>('inspect', name);
      const { exitCode, stderr } = await cluster.godwit('migrate', name, other, '--unsafe');
      expect(exitCode).toBe(8);
      expect(stderr).toContain(code);
      expect(stderr).toContain('/srv/local/volume');
      const { container } = await cluster.json<ContainerInfo>('inspect', name);
      expect(container).toMatchObject({ owner, state: 'running', pid: before.container.pid });
      expect(await tracesOf(cluster, other, name)).toEqual([]);
    }
    // A checkpoint leaves the volume where it is.
    await checkpoint(cluster, 'stays', '--leave-running', '--unsafe');
  } finally {
    await cluster.godwit('stop', 'stays', '--kill');
    await cluster.godwit('undefine', 'stays');
  }
  await expectUnbroken(owner);
});
