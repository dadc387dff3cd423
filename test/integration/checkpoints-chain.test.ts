import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MANIFEST, parseManifest, renderManifest } from '../../agent/checkpoint/store/manifest.ts';
import { RestoreReply } from '../../protocol/mod.ts';
import { chooseBit, flip, seeded } from '../e2e/support/store.ts';
import { type StoreLab, useStoreLab } from './support/checkpoints.ts';
import { words } from './support/moves.ts';

let store: StoreLab;
let name = '';
let pid: number | undefined;
useStoreLab((own) => {
  ({ store, name, pid } = own);
});

describe('checkpoints that build on each other', () => {
  const parents = async () =>
    Object.fromEntries((await store.list('n1', name)).items.map(({ id, parent }) => [id, parent]));
  const verify = (checkpoint: string) =>
    store.lab.bus.request(words.node('n2', 'checkpoint-verify'), {
      type: 'io.godwit.v1.node.checkpoint-verify.request',
      checkpoint,
    });
  const remove = (checkpoint: string) =>
    store.lab.bus.request(words.node('n2', 'checkpoint-delete'), {
      type: 'io.godwit.v1.node.checkpoint-delete.request',
      checkpoint,
    });
  const dryRun = async () => {
    const body = { type: 'io.godwit.v1.node.restore.request', container: name, unsafe: true, dryRun: true };
    return RestoreReply.parse(await store.lab.bus.request(words.node('n2', 'restore'), body));
  };
  const on = (id: string, file: string) => join(store.dir, name, id, file);
  const running = { leaveRunning: true } as const;

  it('have what changed only, up to a number, and nothing after another dump had the marks of the kernel', async () => {
    const first = await store.saved(name, running);
    const second = await store.saved(name, running);
    const third = await store.saved(name, running);
    const fourth = await store.saved(name, running);
    const asked = await store.saved(name, { ...running, full: true });
    expect(await parents()).toEqual({
      [first]: undefined,
      [second]: first,
      [third]: second,
      [fourth]: undefined,
      [asked]: undefined,
    });
    const sizes = Object.fromEntries(
      (await store.list('n1', name)).items.map(({ id, bytes }) => [id, bytes]),
    );
    expect(sizes[second]).toBeLessThan((sizes[first] as number) / 10);

    // A move that did not come about has cleared the marks in its rounds.
    store.lab.source.tell('dump', 'fail');
    const job = await store.lab.migrate(name, { mode: 'precopy', iterations: 1 });
    expect((await store.lab.ended(job)).outcome).toBe('failed');
    store.lab.source.behave();
    const after = await store.saved(name, running);
    // Its own, stopped, too.
    const last = await store.saved(name);
    expect(await parents()).toMatchObject({ [after]: undefined, [last]: after });
  });

  it('are whole or damaged together, and come back together', async () => {
    const first = await store.saved(name, running);
    const second = await store.saved(name);
    await verify(second);
    const bit = { ...chooseBit(join(store.dir, name, first), seeded(9)), file: 'pages-1.img.zst', at: 9 };
    flip(join(store.dir, name, first), bit);
    await expect(verify(second)).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' });
    expect(await store.restored('n2', name)).toMatchObject({
      outcome: 'refused',
      error: { code: 'CHECKPOINT_DAMAGED', details: { checkpoint: first, file: 'pages-1.img.zst' } },
    });
    flip(join(store.dir, name, first), bit);
    await expect(remove(first)).rejects.toMatchObject({ code: 'CHECKPOINT_NEEDED' });
    expect(store.entries(name)).toEqual([first, second].sort());
    renameSync(on(first, '.'), join(store.dir, 'away'));
    await expect(verify(second)).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' });
    expect(await store.restored('n2', name)).toMatchObject({ error: { code: 'CHECKPOINT_DAMAGED' } });
    await expect(dryRun()).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' });
    renameSync(join(store.dir, 'away'), on(first, '.'));
    const { outcome, progress } = await store.restored('n2', name);
    expect(outcome).toBe('done');
    expect(progress.bytes).toBe(progress.totalBytes);
    await remove(second);
    await remove(first);
    expect(store.entries(name)).toEqual([]);
  });

  it('need memory for the images of all of them', async () => {
    const first = await store.saved(name, running);
    await store.saved(name);
    const lacking = async () => (await dryRun()).refusals.filter(({ code }) => code === 'MEMORY_ROOM').length;
    expect(await lacking()).toBe(0);
    const file = on(first, MANIFEST);
    const manifest = parseManifest(readFileSync(file), first);
    const files = manifest.files.map((one) => ({ ...one, bytes: 2 ** 40 }));
    writeFileSync(file, renderManifest({ ...manifest, files }));
    expect(await lacking()).toBe(1);
  });

  it('do not build on one that is damaged, however that shows', async () => {
    const first = await store.saved(name, running);
    const image = store.entries(join(name, first)).find((file) => file.startsWith('pagemap-')) ?? '';
    flip(join(store.dir, name, first), { file: image, at: 3, bit: 1 });
    const second = await store.saved(name, running);
    await verify(second);
    const third = await store.saved(name, running);
    expect(await parents()).toEqual({ [first]: undefined, [second]: undefined, [third]: second });
  });

  it('are not left without what they build on, when that goes meanwhile', async () => {
    const first = await store.saved(name, running);
    store.lab.source.behave();
    store.lab.source.tell('dump', 'wait');
    const id = await store.save(name);
    await expect.poll(() => store.lab.source.reached('dump'), { timeout: 20_000 }).toBe(true);
    await remove(first);
    store.lab.source.behave();
    const job = await store.lab.ended(id);
    expect(job).toMatchObject({ outcome: 'failed', error: { code: 'CHECKPOINT_FAILED' } });
    expect(store.entries(name)).toEqual([]);
    await store.lab.untouched(job, pid);
  });

  it('are there also where it cannot be noted that the next may build on them', async () => {
    const noted = join(store.lab.source.dir, 'run', 'tracked', `${pid}.json`);
    store.lab.source.tell('zstd', 'wait');
    const id = await store.save(name, running);
    await expect.poll(() => store.lab.source.reached('zstd'), { timeout: 20_000 }).toBe(true);
    mkdirSync(noted, { recursive: true });
    store.lab.source.behave();
    const { outcome, checkpoint } = await store.lab.ended(id);
    rmSync(noted, { recursive: true });
    expect(outcome).toBe('done');
    const next = await store.saved(name, running);
    expect(await parents()).toEqual({ [checkpoint?.id ?? '']: undefined, [next]: undefined });
  });

  it('are pruned without what others need', async () => {
    const first = await store.saved(name, running);
    const second = await store.saved(name, running);
    const prune = (keep: number) =>
      store.lab.bus.request(words.node('n1', 'checkpoint-prune'), {
        type: 'io.godwit.v1.node.checkpoint-prune.request',
        container: name,
        keep,
      });
    await prune(1);
    expect(Object.keys(await parents()).sort()).toEqual([first, second].sort());
    const third = await store.saved(name, { ...running, full: true });
    await prune(1);
    expect(Object.keys(await parents())).toEqual([third]);
  });
});
