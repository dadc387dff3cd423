import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Compression } from '../../../protocol/mod.ts';
import { chooseBit, flip, seeded } from '../../../test/e2e/support/store.ts';
import { createRunner } from '../../effects/system-runner.ts';
import { hasZstd } from './compress.ts';
import { Draft } from './draft.ts';
import { makeManifest } from './manifest.ts';
import { makingName, newCheckpointId } from './names.ts';
import { CheckpointStore, type Found } from './store.ts';

const runner = createRunner();
const options = { runner, signal: new AbortController().signal, deadlineMs: 20_000 };
const NOW = Date.UTC(2026, 10, 30, 6, 22, 33);
const PAGES = Buffer.concat([Buffer.alloc(300_000, 'page'), Buffer.from('the end')]);
const withZstd = await hasZstd(runner);

let dir: string;
let store: CheckpointStore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-store-'));
  writeFileSync(join(dir, 'inventory.img'), 'inventory');
  writeFileSync(join(dir, 'pages-1.img'), PAGES);
  store = new CheckpointStore(join(dir, 'store'), 'n1');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Makes one of the two images. */
async function make(compression: Compression = 'zlib', id = newCheckpointId(NOW, 'abcdef')): Promise<Found> {
  const images = join(dir, 'images');
  await mkdir(images, { recursive: true });
  for (const name of ['inventory.img', 'pages-1.img'])
    writeFileSync(join(images, name), readFileSync(join(dir, name)));
  const draft = await Draft.begin(store, { container: 'app', node: 'n1', job: 'j1' });
  const files = await draft.take(images, compression, options, () => {});
  await draft.publish(
    makeManifest({
      id,
      container: 'app',
      uuid: 'u',
      node: 'n1',
      epoch: 1,
      createdAtMs: NOW,
      trigger: 'operator',
      leftRunning: true,
      compression,
      spec: '<domain/>',
      capabilities: {
        arch: 'x86_64',
        kernel: '6.18',
        criu: '4.2.1',
        lxc: '7.0.0',
        cgroup: 'v1',
        features: {},
        cpus: 1,
        memoryBytes: 1,
      },
      cpuFlags: [],
      limitFiles: [],
      trees: [],
      lower: [],
      memoryBytes: 1,
      files,
    }),
    options.signal,
  );
  return store.find(id);
}

async function unpack(found: Found): Promise<string> {
  const to = mkdtempSync(join(dir, 'back-'));
  await store.unpack(found, to, options, () => {});
  return to;
}

describe('a checkpoint in the store', () => {
  it.each(['zlib', 'none', ...(withZstd ? ['zstd' as const] : [])] as const)(
    'comes back as it was (%s)',
    async (compression) => {
      const found = await make(compression);
      const back = await unpack(found);
      expect(readFileSync(join(back, 'pages-1.img')).equals(PAGES)).toBe(true);
      expect(readFileSync(join(back, 'inventory.img'), 'utf8')).toBe('inventory');
      const [, pages] = found.manifest.files;
      expect((pages?.keptBytes ?? 0) < PAGES.length).toBe(compression !== 'none');
      await store.verify(found, options.signal);
    },
  );

  it('sorts by its time', () => {
    expect(newCheckpointId(NOW, 'abcdefgh')).toBe('20261130-062233-abcdef');
  });

  it('is listed, found and deleted without a trace', async () => {
    const found = await make();
    expect((await store.list()).found.map(({ manifest }) => manifest.id)).toEqual([found.manifest.id]);
    expect((await store.list('other')).found).toEqual([]);
    await store.delete(found, 'x');
    expect((await store.list()).found).toEqual([]);
    expect(readdirSync(join(dir, 'store/app'))).toEqual([]);
    await expect(store.find(found.manifest.id)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
    await expect(store.delete(found, 'x')).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
  });

  it.each(['pages-1.img.gz', 'inventory.img'])('is damaged when %s is shorter, or gone', async (file) => {
    const found = await make();
    truncateSync(join(found.dir, file), 5);
    const damaged = { code: 'CHECKPOINT_DAMAGED', details: { file } };
    await expect(store.verify(found, options.signal)).rejects.toMatchObject(damaged);
    await expect(unpack(found)).rejects.toMatchObject(damaged);
    await unlink(join(found.dir, file));
    await expect(store.verify(found, options.signal)).rejects.toMatchObject(damaged);
    await expect(unpack(found)).rejects.toMatchObject(damaged);
  });

  it('shows each of 100 flipped bits, by the name of its file', async () => {
    const found = await make();
    const random = seeded(5);
    for (let tried = 0; tried < 100; tried++) {
      const bit = chooseBit(found.dir, random);
      flip(found.dir, bit);
      const damaged = { code: 'CHECKPOINT_DAMAGED', details: { file: bit.file } };
      const whole = async (look: (one: Found) => Promise<unknown>) =>
        look(await store.find(found.manifest.id));
      await expect(whole((one) => store.verify(one, options.signal))).rejects.toMatchObject(damaged);
      await expect(whole(unpack)).rejects.toMatchObject(damaged);
      flip(found.dir, bit);
    }
    await unpack(found);
  });

  it('is not gone for its place cannot be looked at', async () => {
    const found = await make();
    rmSync(found.dir, { recursive: true });
    await expect(store.find(found.manifest.id)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
    symlinkSync(found.dir, found.dir);
    const child = { ...found, manifest: { ...found.manifest, parent: found.manifest.id } };
    for (const look of [() => store.find(found.manifest.id), () => store.chain(child)])
      await expect(look()).rejects.toMatchObject({ code: 'HOST_FAILED' });
  });

  it('is not passed over for an older one when its manifest is damaged', async () => {
    await make('none', '20260101-000000-aaaaaa');
    const found = await make('none', '20260102-000000-bbbbbb');
    truncateSync(join(found.dir, 'manifest.ndjson'), 100);
    await expect(store.newest('app')).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      details: { checkpoint: '20260102-000000-bbbbbb', file: 'manifest.ndjson' },
    });
    expect((await store.list('app')).damaged.map(({ id }) => id)).toEqual(['20260102-000000-bbbbbb']);
  });
});

describe('half a checkpoint', () => {
  it('is nothing, and is swept unless its job runs or another node may be at it', async () => {
    const home = join(dir, 'store/app');
    const [own, others, stale] = [makingName('n1', 'j9'), makingName('n2', 'j8'), makingName('n3', 'j7')];
    for (const name of [own, others, stale]) {
      await mkdir(join(home, name), { recursive: true });
      writeFileSync(join(home, name, 'pages-1.img'), 'half');
    }
    const dayAgo = (NOW - 25 * 3_600_000) / 1_000;
    utimesSync(join(home, others), NOW / 1_000, NOW / 1_000);
    utimesSync(join(home, stale), dayAgo, dayAgo);
    expect(await store.list()).toEqual({ found: [], damaged: [] });
    await expect(store.find(own)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
    expect(await store.sweep((job) => job === 'j9', NOW)).toEqual([join(home, stale)]);
    expect(await store.sweep(() => false, NOW)).toEqual([join(home, own)]);
    expect(readdirSync(home)).toEqual([others]);
  });

  it('is gone when it is given up, and a published one stays', async () => {
    const draft = await Draft.begin(store, { container: 'app', node: 'n1', job: 'j1' });
    await draft.discard();
    expect(readdirSync(join(dir, 'store/app'))).toEqual([]);
    const { dir: whole } = await make();
    expect(existsSync(whole)).toBe(true);
  });

  it('is what is left when there are no images', async () => {
    const draft = await Draft.begin(store, { container: 'app', node: 'n1', job: 'j1' });
    await mkdir(join(dir, 'none'));
    await expect(draft.take(join(dir, 'none'), 'none', options, () => {})).rejects.toMatchObject({
      code: 'CHECKPOINT_FAILED',
    });
  });
});
