import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workersOf } from '../../agent/host/named-processes.ts';
import { killTree } from '../../agent/host/process-tree.ts';
import { type GodwitError, RestoreReply } from '../../protocol/mod.ts';
import { chooseBit, flip, seeded } from '../e2e/support/store.ts';
import { ODD_TREE } from '../support/odd-tree.ts';
import { type StoreLab, startStoreLab } from './support/checkpoints.ts';
import { words } from './support/moves.ts';

const NAME = 'app';
let store: StoreLab;
/** Where root file system and volume are; both agents see this machine's disk. */
let home: string;
let pid: number | undefined;

beforeEach(async () => {
  store = await startStoreLab();
  home = join(store.dir, '..', `godwit-trees-${process.pid}-${Date.now()}`);
  for (const dir of ['root', 'volume', 'then']) mkdirSync(join(home, dir), { recursive: true });
  sh(`cd root\n${ODD_TREE}`);
  sh(
    'echo first >volume/data; cp -a --preserve=all root volume then/; rm then/root/sock; touch -r root then/root',
  );
  await ask(words.node('n1', 'define'), 'node.define', { xml: domain() });
  await ask(words.container(NAME, 'start'), 'container.start');
  [pid] = store.lab.source.tasks(NAME);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  sh(`rm -rf ${home}`);
});

const sh = (script: string) => execFileSync('bash', ['-euc', script], { cwd: home, encoding: 'latin1' });
const ask = (subject: string, kind: string, body: object = {}) =>
  store.lab.bus.request(subject, { type: `io.godwit.v1.${kind}.request`, ...body }, { timeoutMs: 15_000 });
const stop = () => ask(words.container(NAME, 'stop'), 'container.stop', { kill: true });
/** What rsync itself finds different from what there was when the checkpoint was made; empty when nothing is. */
const differences = () =>
  ['root', 'volume']
    .map((dir) => sh(`rsync -naAXHSi --checksum --delete --numeric-ids then/${dir}/ ${dir}/`))
    .join('');

function domain(): string {
  return `<domain type='lxc'><name>${NAME}</name><metadata>
    <godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'><godwit:rootfs policy='copy'/>
      <godwit:volume target='/data' policy='copy' left='delete'/></godwit:settings></metadata>
    <memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os><devices>
    <filesystem type='mount'><source dir='${home}/root'/><target dir='/'/></filesystem>
    <filesystem type='mount'><source dir='${home}/volume'/><target dir='/data'/></filesystem></devices></domain>`;
}

/** What the container would have done since. */
function change(): void {
  sh('rm root/large; echo newer >root/dir/a; echo second >volume/data; chmod 700 root');
}

/** Nothing but the directories themselves, and what a restore has left of them. */
const entries = () => readdirSync(home).filter((name) => name !== 'then');

const phaseOf = async (job: string) => (await store.lab.job(job)).progress.phase;

/** What n1 has noted of restores on its disk. */
const notes = () => {
  const dir = join(store.lab.source.dir, 'state/restores');
  return existsSync(dir) ? readdirSync(dir) : [];
};

describe.each([true, false])(
  'a container with directories of its own (leave running: %s)',
  (leaveRunning) => {
    it('comes back with them as they were, whatever became of them', async () => {
      const id = await store.saved(NAME, { leaveRunning });
      expect(await store.list('n2', NAME)).toMatchObject({ items: [{ id, leftRunning: leaveRunning }] });
      const staging = join(store.lab.source.dir, 'state/staging');
      expect(existsSync(staging) ? readdirSync(staging) : []).toEqual([]);
      change();
      if (leaveRunning) await stop();
      expect(differences()).not.toBe('');

      expect(await store.restored('n1', NAME)).toMatchObject({ outcome: 'done' });
      expect(differences()).toBe('');
      const [, replaced = ''] = entries();
      expect(entries()).toEqual(['root', expect.stringMatching(/^root\.replaced-/), 'volume']);
      expect(readFileSync(join(home, replaced, 'dir/a'), 'utf8')).toBe('newer\n');
      expect(notes()).toEqual([]);
      expect((await store.lab.info(NAME)).container).toMatchObject({ owner: 'n1', state: 'running' });
    });
  },
);

it('is without its directories where it is told so, and takes them as they are, on its own node', async () => {
  const id = await store.saved(NAME, { directories: false, leaveRunning: true });
  expect(await store.list('n1', NAME)).toMatchObject({ items: [{ id, rootfsBytes: 0 }] });
  const refusals = async (node: string, wish: object) => {
    const dry = { type: 'io.godwit.v1.node.restore.request', container: NAME, dryRun: true, ...wish };
    const answer = await store.lab.bus.request(words.node(node, 'restore'), dry, { timeoutMs: 15_000 });
    return RestoreReply.parse(answer).refusals;
  };
  sh('cp -a root root2');
  const taken = { code: 'ROOTFS_TAKEN', message: expect.stringContaining('/volume') };
  const clone = () => refusals('n1', { as: 'clone', root: join(home, 'root2') });
  expect(await clone()).toContainEqual(expect.objectContaining(taken));
  await stop();
  expect(await clone()).toContainEqual(expect.objectContaining(taken));
  sh('rm -r root2; echo newer >root/dir/a');
  expect((await refusals('n2', {})).map(({ code }) => code)).toContain('VOLUME_DIFFERS');
  expect(await store.restored('n1', NAME)).toMatchObject({ outcome: 'done' });
  expect(entries()).toEqual(['root', 'volume']);
  expect(readFileSync(join(home, 'root/dir/a'), 'utf8')).toBe('newer\n');
});

it('is laid over what it was laid over then, also without its directories', async () => {
  sh('mkdir -p apart lower; echo then >lower/library');
  const layered = domain()
    .replace(/<godwit:volume [^>]*>/, '')
    .replace("policy='copy'", `policy='copy' lower='${home}/lower'`)
    .replace(`<name>${NAME}`, '<name>layered')
    .replace(`${home}/root`, `${home}/apart`)
    .replace(/<filesystem type='mount'><source dir='[^']*volume'.*?<\/filesystem>/, '');
  await ask(words.node('n1', 'define'), 'node.define', { xml: layered });
  await ask(words.container('layered', 'start'), 'container.start');
  const id = await store.saved('layered', { directories: false });
  sh('echo newer >lower/library');
  const refused = await store.restored('n1', 'layered', { checkpoint: id });
  expect(refused).toMatchObject({ error: { code: 'LOWER_DIFFERS' } });
  sh('echo then >lower/library');
  expect(await store.restored('n1', 'layered', { checkpoint: id })).toMatchObject({ outcome: 'done' });
});

it('is restored on another node where nothing lies in their places, and refused where something does', async () => {
  const id = await store.saved(NAME);
  const refused = await store.restored('n2', NAME);
  expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'CHECKPOINT_REFUSED' } });
  expect(JSON.stringify(refused.error)).toContain('ROOTFS_TAKEN');
  expect(entries()).toEqual(['root', 'volume']);

  for (const dir of ['root', 'volume']) renameSync(join(home, dir), join(store.dir, dir));
  expect(await store.restored('n2', NAME, { checkpoint: id })).toMatchObject({ outcome: 'done' });
  expect(await store.record(NAME)).toEqual({ owner: 'n2', epoch: 2, phase: 'running' });
  // Both nodes see this machine's disk: what one brings is not the other's to put aside.
  expect(entries()).toEqual(['root', 'volume']);
  expect(differences()).toBe('');
});

it('comes to no place that another one has taken while its bytes were read', async () => {
  const [volume = ''] =
    /<filesystem type='mount'><source dir='[^']*volume.*?<\/filesystem>/.exec(domain()) ?? [];
  const alone = domain()
    .replace(volume, '')
    .replace(/<godwit:volume [^>]*>/, '')
    .replace(`<name>${NAME}`, '<name>alone')
    .replace(`${home}/root`, `${home}/then/root`);
  await ask(words.node('n1', 'define'), 'node.define', { xml: alone });
  await ask(words.container('alone', 'start'), 'container.start');
  await store.saved('alone', { leaveRunning: true });
  const { source, ended } = store.lab;
  const root = join(home, 'clone');
  source.tell('zstd', 'wait');
  const jobs: string[] = [];
  for (const as of ['one', 'two']) jobs.push(await store.restore('n1', 'alone', { as, root }));
  await expect
    .poll(async () => Promise.all(jobs.map(phaseOf)), { timeout: 20_000 })
    .toEqual(['unpack', 'unpack']);
  source.behave();
  const outcomes = (await Promise.all(jobs.map(ended))).map(({ outcome }) => outcome);
  expect(outcomes.sort()).toEqual(['done', 'refused']);
  expect(entries()).toEqual(['clone', 'root', 'volume']);
  expect(sh('rsync -naAXHSi --checksum --delete --numeric-ids then/root/ clone/')).toBe('');
});

it('finds a flipped bit of them, and leaves what is there alone', async () => {
  const id = await store.saved(NAME);
  const dir = join(store.dir, NAME, id);
  const files = () => readdirSync(dir).filter((name) => /^(tree|lower)-/.test(name));
  expect(files()).toHaveLength(4);
  change();
  const random = seeded(5);
  const before = sh('find root volume -printf "%p %i %C@\\n" | sort');
  for (const file of files()) {
    const bit = { ...chooseBit(dir, random), file };
    bit.at %= readFileSync(join(dir, file)).length;
    flip(dir, bit);
    const tried = await store.restored('n1', NAME);
    expect(tried, file).toMatchObject({ outcome: 'refused', error: { code: 'CHECKPOINT_DAMAGED' } });
    expect(tried.error?.message).toContain(file);
    flip(dir, bit);
  }
  expect(sh('find root volume -printf "%p %i %C@\\n" | sort')).toBe(before);
  expect(entries()).toEqual(['root', 'volume']);
  expect(await store.restored('n1', NAME)).toMatchObject({ outcome: 'done' });
  expect(differences()).toBe('');
});

it('that criu fails to restore has what it had before', async () => {
  await store.saved(NAME);
  change();
  writeFileSync(join(home, 'volume/mark'), 'mine');
  store.lab.target.behave();
  store.lab.source.tell('restore', 'fail');
  const job = await store.restored('n1', NAME);
  expect(job).toMatchObject({ outcome: 'failed' });
  expect(entries()).toEqual(['root', 'volume']);
  expect(readFileSync(join(home, 'volume/mark'), 'utf8')).toBe('mine');
  expect(existsSync(join(home, 'root/large'))).toBe(false);
  expect(await store.record(NAME)).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
});

it('runs on when its directories cannot be read as they are', async () => {
  sh('mkdir root/mnt; mount -t tmpfs none root/mnt');
  try {
    const job = await store.lab.ended(await store.save(NAME, { leaveRunning: true }));
    expect(job).toMatchObject({ outcome: 'refused' });
    expect(JSON.stringify(job.error)).toContain('ROOTFS_MOUNTS');
    await store.lab.untouched(job, pid);
    expect(store.entries(NAME)).toEqual([]);
  } finally {
    sh('umount root/mnt');
  }
});

it.each(['the agent', 'the power'])(
  'puts back what lay there when %s is gone in the middle of a restore',
  async (what) => {
    const { source } = store.lab;
    await store.saved(NAME);
    change();
    writeFileSync(join(home, 'volume/mark'), 'mine');
    await source.stop();
    await source.startApart();
    source.tell('restore', 'wait');
    const job = await store.restore('n1', NAME);
    await expect.poll(() => source.reached('restore'), { timeout: 20_000 }).toBe(true);
    expect(existsSync(join(home, 'volume/mark'))).toBe(false);
    await source.kill();
    if (what === 'the power') {
      // With it all tasks and everything on a tmpfs.
      for (const { pid: left } of await workersOf(join(source.dir, 'run'))) await killTree(left);
      sh(`umount ${source.dir}/run/jobs/*/target/tmpfs; rm -rf ${source.dir}/run/jobs`);
    }
    source.behave();
    await source.start();
    await expect.poll(() => existsSync(join(home, 'volume/mark')), { timeout: 20_000 }).toBe(true);
    expect(await store.lab.ended(job)).toMatchObject({ outcome: 'failed' });
    expect(await store.record(NAME)).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
    await expect.poll(entries, { timeout: 20_000 }).toEqual(['root', 'volume']);
    expect(existsSync(join(home, 'root/large'))).toBe(false);
    // Until it is reconciled it is busy.
    const again = () => store.restored('n1', NAME).catch(({ code }: GodwitError) => ({ outcome: code }));
    await expect.poll(again, { timeout: 40_000 }).toMatchObject({ outcome: 'done' });
    expect(differences()).toBe('');
  },
);
