import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { settleTrees, swapTrees, takeTreesBack } from '../../agent/checkpoint/restore/trees.ts';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { removeTree } from '../../agent/rootfs/mod.ts';
import { parseDomain } from '../../protocol/domain/mod.ts';
import { flip } from '../e2e/support/store.ts';
import { words } from './support/moves.ts';
import { domainIn, NAME, startTreesScene, type TreesScene } from './support/trees.ts';

const LONG = { timeout: 20_000 };
let scene: TreesScene;
const started = async (settings?: string, replaced?: number) => {
  scene = await startTreesScene(settings, replaced);
  return scene;
};
afterEach(() => scene?.[Symbol.asyncDispose]());

const abort = (job: string) => scene.ask(words.job(job, 'abort'), 'job.abort');
/** Nobody holds it, to find out what is true of it. */
const isFree = () =>
  scene.ask(words.container(NAME, 'suspend'), 'container.suspend').then(
    () => scene.ask(words.container(NAME, 'resume'), 'container.resume').then(() => true),
    () => false,
  );
const info = async () => (await scene.store.lab.info(NAME)).container;

it.each(['is noted', 'is not noted yet'])(
  'keeps what a restored container did when the power goes after the commit, which %s',
  async (noted) => {
    const { store, home, write, losePower, notes } = await started();
    const { source } = store.lab;
    await store.saved(NAME);
    write('second');
    mkdirSync(join(home, 'volume/mnt'));
    await source.stop();
    await source.startApart();
    source.tell('restore', 'wait');
    const job = await store.restore('n1', NAME);
    await expect.poll(() => source.reached('restore'), LONG).toBe(true);
    // The old volume cannot be removed: nothing is left as it is to be when the power goes.
    const busy = join(home, `volume.before-${job}`, 'mnt');
    execFileSync('mount', ['-t', 'tmpfs', 'none', busy]);
    try {
      source.behave();
      expect(await store.lab.ended(job)).toMatchObject({ outcome: 'done' });
      write('third');
      await source.kill();
      await losePower();
    } finally {
      execFileSync('umount', [busy]);
    }
    const [file = ''] = notes();
    const { verdict, ...undecided } = JSON.parse(readFileSync(file, 'utf8'));
    expect(verdict).toBe('committed');
    if (noted !== 'is noted') writeFileSync(file, JSON.stringify(undecided));

    await source.start();
    await expect.poll(notes, LONG).toEqual([]);
    expect(scene.words()).toEqual({ root: 'third', 'root.replaced': 'second', volume: 'third' });
    await expect.poll(() => store.record(NAME), LONG).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
  },
);

it('starts a container after a power cut only when its directories are back', async () => {
  const { store, write, losePower, notes } = await started("<godwit:lifecycle autostart='yes'/>");
  const { source } = store.lab;
  await store.saved(NAME);
  write('second');
  await source.stop();
  await source.startApart();
  source.tell('restore', 'wait');
  await store.restore('n1', NAME);
  await expect.poll(() => source.reached('restore'), LONG).toBe(true);
  expect(scene.words()).toMatchObject({ root: 'first', volume: 'first', 'root.before': 'second' });
  await source.kill();
  await losePower();
  source.behave();
  await source.start();
  await expect.poll(async () => (await info()).state, LONG).toBe('running');
  expect(scene.words()).toEqual({ root: 'second', volume: 'second' });
  expect(notes()).toEqual([]);
});

it('has its directories back though what was unpacked cannot be removed, and no later agent doubts that', async () => {
  const { store, home, write, notes, ask } = await started();
  const { source } = store.lab;
  mkdirSync(join(home, 'root/mnt'));
  await store.saved(NAME);
  write('second');
  source.tell('restore', 'wait');
  const job = await store.restore('n1', NAME);
  await expect.poll(() => source.reached('restore'), LONG).toBe(true);
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(home, 'root/mnt')]);
  try {
    await abort(job);
    source.behave();
    expect(await store.lab.ended(job)).toMatchObject({ outcome: 'aborted' });
    expect(scene.words()).toMatchObject({ root: 'second', volume: 'second' });
    await ask(words.container(NAME, 'start'), 'container.start');
    write('third');
    await source.stop();
  } finally {
    execFileSync('umount', [join(home, `root.new-${job}`, 'mnt')]);
  }
  await source.start();
  await expect.poll(notes, LONG).toEqual([]);
  expect(scene.words()).toEqual({ root: 'third', volume: 'third' });
  expect(existsSync(join(home, `root.new-${job}`))).toBe(false);
  expect((await info()).state).toBe('running');
});

it.each([true, false])(
  'puts directories back at the next start that could not be renamed, unless the container works in them (%s)',
  async (used) => {
    const { store, home, write, notes, ask } = await started();
    const { source } = store.lab;
    await store.saved(NAME);
    write('second');
    source.tell('restore', 'wait');
    const job = await store.restore('n1', NAME);
    await expect.poll(() => source.reached('restore'), LONG).toBe(true);
    // What something is mounted on cannot be renamed.
    execFileSync('mount', ['--bind', join(home, 'root'), join(home, 'root')]);
    try {
      await abort(job);
      source.behave();
      expect(await store.lab.ended(job)).toMatchObject({ outcome: 'aborted' });
      expect(scene.words()).toMatchObject({ root: 'first', 'root.before': 'second' });
    } finally {
      execFileSync('umount', [join(home, 'root')]);
    }
    if (used) {
      await ask(words.container(NAME, 'start'), 'container.start');
      write('third');
    }
    const left = { ...scene.words() };
    await source.stop();
    await source.start();
    if (used) {
      await expect.poll(() => isFree(), LONG).toBe(true);
      expect(scene.words()).toEqual({ ...left, root: 'third' });
      expect((await info()).state).toBe('running');
    } else {
      await expect.poll(notes, LONG).toEqual([]);
      expect(scene.words()).toEqual({ root: 'second', volume: 'second' });
    }
  },
);

it('deletes neither what somebody else keeps beside it, nor what a restore has replaced before', async () => {
  const { store, home, write, stop } = await started();
  mkdirSync(join(home, 'root.migrated'));
  writeFileSync(join(home, 'root.migrated/word'), 'theirs');
  const id = await store.saved(NAME);
  const replaced: string[] = [];
  for (const word of ['second', 'third']) {
    write(word);
    const job = await store.restore('n1', NAME, { checkpoint: id });
    // Each waits until all of this machine's disk is written.
    await expect.poll(async () => (await store.lab.job(job)).outcome, { timeout: 60_000 }).toBe('done');
    replaced.push(readFileSync(join(home, `root.replaced-${job}`, 'word'), 'utf8'));
    await stop();
  }
  expect(replaced).toEqual(['second', 'third']);
  expect(readFileSync(join(home, 'root.migrated/word'), 'utf8')).toBe('theirs');
});

it('keeps of what restores have replaced what the node is set to, and all of it when the container does not come to run', async () => {
  const { store, home, write, stop } = await started('', 1);
  const { source } = store.lab;
  const id = await store.saved(NAME);
  const kept = () =>
    readdirSync(home)
      .filter((dir) => dir.startsWith('root.re'))
      .map((dir) => readFileSync(join(home, dir, 'word'), 'utf8'))
      .sort();
  const restored = (word: string) => {
    write(word);
    return store.restored('n1', NAME, { checkpoint: id });
  };
  expect(await restored('second')).toMatchObject({ outcome: 'done' });
  await stop();
  source.tell('resume', 'fail');
  expect(await restored('third')).toMatchObject({ outcome: 'failed' });
  expect(kept()).toEqual(['second', 'third']);
  source.behave();
  expect(await restored('fourth')).toMatchObject({ outcome: 'done' });
  await expect.poll(kept, LONG).toEqual(['fourth']);
});

it('is handed over without what lies beside it, and leaves everything where it is when it is not', async () => {
  const { store, home, write, ask } = await started();
  const { bus } = store.lab;
  mkdirSync(join(home, 'root.migrated'));
  writeFileSync(join(home, 'root.migrated/word'), 'theirs');
  await store.saved(NAME);
  write('second');
  const seen = await bus.records.get(NAME);
  const request = {
    job: 'somejob',
    to: 'n2',
    spec: seen?.record.spec,
    // As those of another disk.
    brought: { [`${home}/root`]: '1 1', [`${home}/volume`]: '1 1' },
  };
  const give = (revision: number) =>
    ask(words.container(NAME, 'hand-over'), 'container.hand-over', { ...request, revision });
  const revision = seen?.revision ?? 0;
  await expect(give(revision - 1)).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
  expect(scene.words()).toEqual({ root: 'second', 'root.migrated': 'theirs', volume: 'second' });
  expect(existsSync(join(store.lab.source.dir, 'state/rootfs'))).toBe(false);

  await give(revision);
  await expect
    .poll(() => scene.words(), LONG)
    .toEqual({ 'root.migrated': 'theirs', 'root.replaced': 'second' });
});

it('leaves no note when it is refused, and is not kept from starting by one that nobody can read', async () => {
  const { store, write, notes } = await started();
  const { source } = store.lab;
  const id = await store.saved(NAME);
  write('second');
  flip(join(store.dir, NAME, id), { file: 'pages-1.img.zst', at: 9, bit: 1 });
  expect(await store.restored('n1', NAME)).toMatchObject({ error: { code: 'CHECKPOINT_DAMAGED' } });
  expect(notes()).toEqual([]);
  await source.stop();
  const dir = join(source.dir, 'state/restores');
  mkdirSync(dir, { recursive: true });
  for (const [at, text] of ['null', '{', '[]'].entries()) writeFileSync(join(dir, `${at}.json`), text);
  await source.start();
  expect(await info()).toMatchObject({ owner: 'n1', state: 'stopped' });
  expect(scene.words()).toEqual({ root: 'second', volume: 'second' });
});

it('has changed places on the disk before anybody is told', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-disk-'));
  const [image, then, disk] = ['image', 'then', 'disk'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const sh = (script: string) => execFileSync('bash', ['-euc', script], { encoding: 'utf8' });
  sh(
    `truncate -s 32M ${image}; mkfs.ext4 -q ${image}; mkdir ${disk}; mount -o loop,commit=300 ${image} ${disk}`,
  );
  try {
    sh(
      `cd ${disk}; mkdir root root.new-j volume volume.new-j; echo old >root/f; echo new >root.new-j/f; sync -f .`,
    );
    await swapTrees(parseDomain(domainIn(disk), { file: 'test' }), 'j');
    // What a power cut would leave: without what is in memory only.
    cpSync(image, then);
    sh(`umount ${disk}; mount -o loop ${then} ${disk}`);
    expect(sh(`cd ${disk}; ls; cat root/f`)).toBe(
      'lost+found\nroot\nroot.before-j\nvolume\nvolume.before-j\nnew\n',
    );
  } finally {
    sh(`umount ${disk}`);
    rmSync(dir, { recursive: true });
  }
});

it('removes nothing that lies in another place and is bound into what goes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-bound-'));
  for (const name of ['live', 'old/mnt']) mkdirSync(join(dir, name), { recursive: true });
  for (const name of ['live/file', 'old/file']) writeFileSync(join(dir, name), '');
  symlinkSync(dir, `${dir}-too`);
  execFileSync('mount', ['--bind', join(dir, 'live'), join(dir, 'old/mnt')]);
  try {
    for (const path of [join(dir, 'old'), join(`${dir}-too`, 'old')])
      await expect(removeTree(createRunner(), path)).rejects.toMatchObject({ code: 'HOST_FAILED' });
    expect(existsSync(join(dir, 'live/file'))).toBe(true);
    expect(existsSync(join(dir, 'old/file'))).toBe(true);
  } finally {
    execFileSync('umount', [join(dir, 'old/mnt')]);
    rmSync(`${dir}-too`);
  }
  await removeTree(createRunner(), join(dir, 'old'));
  expect(readdirSync(dir)).toEqual(['live']);
  rmSync(dir, { recursive: true });
});

it('finishes an exchange that was decided', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-places-'));
  try {
    for (const [name, word] of [
      ['root', 'old'],
      ['root.new-j', 'new'],
      ['volume.before-j', 'old'],
      ['volume.new-j', 'new'],
    ] as const) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, 'word'), word);
    }
    const spec = parseDomain(domainIn(dir), { file: 'test' });
    for (let again = 0; again < 2; again++)
      await settleTrees({ runner: createRunner(), clock: systemClock }, spec, 'j');
    const listed = execFileSync('sh', ['-c', 'for d in *; do echo $d $(cat $d/word); done'], {
      cwd: dir,
      encoding: 'utf8',
    });
    expect(listed).toBe('root new\nroot.replaced-j old\nvolume new\n');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it('leaves an empty directory where there was one, and none where there was none', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-places-'));
  const list = () =>
    execFileSync('sh', ['-c', 'stat -c "%n %a %u" *'], { cwd: dir, encoding: 'utf8' }).trim().split('\n');
  try {
    for (const name of ['root', 'root.new-j', 'volume.new-j']) mkdirSync(join(dir, name));
    execFileSync('sh', ['-c', 'chmod 750 root; chown 1234 root'], { cwd: dir });
    const spec = parseDomain(domainIn(dir), { file: 'test' });
    await swapTrees(spec, 'j');
    expect(list().map((line) => line.split(' ')[0])).toEqual([
      'root',
      'root.before-j',
      'volume',
      'volume.before-j',
    ]);
    for (let again = 0; again < 2; again++)
      await takeTreesBack({ runner: createRunner(), clock: systemClock }, spec, 'j');
    expect(list()).toEqual(['root 750 1234']);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
