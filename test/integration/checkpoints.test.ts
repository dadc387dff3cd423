import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MANIFEST, parseManifest, renderManifest } from '../../agent/checkpoint/store/manifest.ts';
import { GodwitError, RestoreReply } from '../../protocol/mod.ts';
import { chooseBit, flip, seeded } from '../e2e/support/store.ts';
import { type StoreLab, startStoreLab } from './support/checkpoints.ts';
import { startMoveLab, words } from './support/moves.ts';

let store: StoreLab;
let pid: number | undefined;
/** Another one for each test. */
let name = '';
let count = 0;
beforeAll(async () => {
  store = await startStoreLab();
});
beforeEach(async () => {
  for (const node of [store.lab.source, store.lab.target]) node.behave();
  count += 1;
  name = `c${count}`;
  await store.lab.run(name);
  [pid] = store.lab.source.tasks(name);
});
afterAll(() => store[Symbol.asyncDispose]());

const start = (container: string) =>
  store.lab.bus.request(words.container(container, 'start'), {
    type: 'io.godwit.v1.container.start.request',
  });
const stop = (container: string) =>
  store.lab.bus.request(words.container(container, 'stop'), {
    type: 'io.godwit.v1.container.stop.request',
    kill: true,
  });

describe('a checkpoint that cannot be made', () => {
  /** It runs on as if nothing had been tried, and nothing of the try is left. */
  async function untouched(id: string): Promise<void> {
    await store.lab.untouched(await store.lab.job(id), pid);
    expect(store.entries(name)).toEqual([]);
  }

  it.each(['fail', 'die', 'lie'] as const)('for criu does what %s stands for', async (word) => {
    for (const leaveRunning of [true, false]) {
      store.lab.source.tell('dump', word);
      const job = await store.lab.ended(await store.save(name, { leaveRunning }));
      expect(job.outcome).toBe('failed');
      expect(['DUMP_FAILED', 'CHECKPOINT_FAILED']).toContain(job.error?.code);
      await untouched(job.job);
    }
  });

  it('for the compressor finds no room', async () => {
    store.lab.source.tell('zstd', 'fail');
    const job = await store.lab.ended(await store.save(name));
    expect(job).toMatchObject({ outcome: 'failed', error: { code: 'CHECKPOINT_FAILED' } });
    expect(job.error?.message).toContain('No space left on device');
    await untouched(job.job);
  });

  it('for the store is full', async () => {
    const home = join(store.dir, name);
    mkdirSync(home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'full', home]);
    try {
      const job = await store.lab.ended(await store.save(name, { compression: 'none' }));
      expect(job).toMatchObject({ outcome: 'failed', error: { code: 'CHECKPOINT_FAILED' } });
      expect(job.error?.message).toContain('ENOSPC');
      await untouched(job.job);
    } finally {
      execFileSync('umount', [home]);
    }
  });

  it.each([true, false])('for somebody ends it in the middle (leave running: %s)', async (leaveRunning) => {
    store.lab.source.tell('zstd', 'wait');
    const id = await store.save(name, { leaveRunning });
    await expect.poll(() => store.lab.source.reached('zstd'), { timeout: 10_000 }).toBe(true);
    expect(store.lab.source.freezer(name)).toBe(leaveRunning ? 'THAWED' : 'FROZEN');
    expect((await store.list('n2', name)).items).toEqual([]);
    await expect(store.save(name)).rejects.toMatchObject({ code: 'CONTAINER_BUSY' });
    await store.lab.bus.request(words.job(id, 'abort'), { type: 'io.godwit.v1.job.abort.request' });
    expect(await store.lab.ended(id)).toMatchObject({ outcome: 'aborted', error: { code: 'JOB_ABORTED' } });
    await untouched(id);
  });

  it('for its time is up', async () => {
    store.lab.source.tell('zstd', 'wait');
    const job = await store.lab.ended(await store.save(name, { timeoutMs: 2_000 }));
    expect(job).toMatchObject({ outcome: 'timeout', error: { code: 'JOB_TIMEOUT' } });
    await untouched(job.job);
  });

  it('for the node has no store', async () => {
    await using other = await startMoveLab();
    await other.run('web');
    const body = { type: 'io.godwit.v1.container.checkpoint.request' };
    const asked = other.bus.request(words.container('web', 'checkpoint'), body);
    await expect(asked).rejects.toMatchObject({ code: 'CHECKPOINTS_OFF' });
  });
});

describe('a restore', () => {
  it('finds a flipped bit before a process starts, and names the file', async () => {
    const id = await store.saved(name);
    const dir = join(store.dir, name, id);
    const random = seeded(5);
    for (let tried = 0; tried < 12; tried++) {
      const bit = chooseBit(dir, random);
      flip(dir, bit);
      const damaged = { code: 'CHECKPOINT_DAMAGED', details: { checkpoint: id, file: bit.file } };
      const ended = await store.restored('n2', name, { checkpoint: id }).catch((error: unknown) => error);
      if (ended instanceof GodwitError) expect(ended).toMatchObject(damaged);
      else expect(ended).toMatchObject({ outcome: 'refused', error: damaged });
      flip(dir, bit);
    }
    expect(store.lab.target.reached('restore')).toBe(false);
    expect(store.lab.target.tasks(name)).toEqual([]);
    const verify = { type: 'io.godwit.v1.node.checkpoint-verify.request', checkpoint: id };
    await store.lab.bus.request(words.node('n2', 'checkpoint-verify'), verify);
  });

  it('takes the container over with the next epoch, and gives it back the same way', async () => {
    const id = await store.saved(name);
    expect(await store.record(name)).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
    const job = await store.restored('n2', name);
    expect(job).toMatchObject({ outcome: 'done', checkpoint: { id } });
    expect(await store.record(name)).toEqual({ owner: 'n2', epoch: 2, phase: 'running' });
    expect(store.lab.target.tasks(name)).toHaveLength(1);
    expect(store.lab.source.tasks(name)).toEqual([]);
    expect((await store.lab.info(name)).container).toMatchObject({ owner: 'n2', state: 'running' });
    await store.lab.swept(job);
    await stop(name);
    expect(await store.restored('n1', name)).toMatchObject({ outcome: 'done' });
    expect(await store.record(name)).toEqual({ owner: 'n1', epoch: 3, phase: 'running' });
  });

  it('is refused while a copy runs, in place and elsewhere', async () => {
    await store.saved(name, { leaveRunning: true });
    for (const node of ['n1', 'n2'])
      expect(await store.restored(node, name)).toMatchObject({
        outcome: 'refused',
        error: { code: 'CONTAINER_STATE' },
      });
    expect(store.lab.source.tasks(name)).toEqual([pid]);
  });

  it('loses against an owner that starts the container meanwhile', async () => {
    await store.saved(name);
    store.lab.target.tell('restore', 'wait');
    const id = await store.restore('n2', name);
    await expect.poll(() => store.lab.target.reached('restore'), { timeout: 10_000 }).toBe(true);
    await start(name);
    store.lab.target.behave();
    const job = await store.lab.ended(id);
    expect(job).toMatchObject({ outcome: 'refused', error: { code: 'CONTAINER_STATE' } });
    expect(store.lab.target.tasks(name)).toEqual([]);
    expect(store.lab.source.tasks(name)).toHaveLength(1);
    expect(await store.record(name)).toEqual({ owner: 'n1', epoch: 1, phase: 'running' });
    await store.lab.swept(job);
  });

  it('that criu fails leaves the container stopped where it was', async () => {
    await store.saved(name);
    for (const node of ['n1', 'n2'] as const) {
      const one = node === 'n1' ? store.lab.source : store.lab.target;
      one.tell('restore', 'fail');
      const job = await store.restored(node, name);
      expect(job).toMatchObject({ outcome: 'failed', error: { code: 'CHECKPOINT_NOT_RESTORED' } });
      expect(job.log.join()).toContain('the fake restore was told to fail');
      one.behave();
      await store.lab.swept(job);
    }
    expect(await store.record(name)).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
    expect(await store.restored('n1', name)).toMatchObject({ outcome: 'done' });
  });

  it('asks for a word about an owner that is silent, and takes it', async () => {
    await store.saved(name);
    await store.lab.source.stop();
    expect(await store.restored('n2', name)).toMatchObject({
      outcome: 'refused',
      error: { code: 'OWNER_SILENT', details: { owner: 'n1' } },
    });
    expect(await store.restored('n2', name, { force: true })).toMatchObject({ outcome: 'done' });
    expect(await store.record(name)).toEqual({ owner: 'n2', epoch: 2, phase: 'running' });
    await store.lab.source.start();
    expect((await store.lab.info(name)).container).toMatchObject({ owner: 'n2', state: 'running' });
    await expect.poll(() => store.lab.source.tasks(name), { timeout: 5_000 }).toEqual([]);
  });

  it('makes a container of another name, or the same again once it is undefined', async () => {
    await store.saved(name);
    expect(await store.restored('n2', name, { as: `${name}-twin` })).toMatchObject({ outcome: 'done' });
    expect(await store.record(`${name}-twin`)).toEqual({ owner: 'n2', epoch: 1, phase: 'running' });
    const [own, twin] = [await store.lab.info(name), await store.lab.info(`${name}-twin`)];
    expect(twin.container.uuid).not.toBe(own.container.uuid);
    expect(await store.restored('n1', name, { as: `${name}-twin` })).toMatchObject({
      outcome: 'refused',
      error: { code: 'CONTAINER_EXISTS' },
    });
    await store.lab.bus.request(words.container(name, 'undefine'), {
      type: 'io.godwit.v1.container.undefine.request',
    });
    expect(await store.restored('n2', name)).toMatchObject({ outcome: 'done' });
    expect((await store.lab.info(name)).container).toMatchObject({
      owner: 'n2',
      uuid: own.container.uuid,
      state: 'running',
    });
  });
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
    await expect.poll(() => store.lab.source.reached('dump'), { timeout: 10_000 }).toBe(true);
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
    await expect.poll(() => store.lab.source.reached('zstd'), { timeout: 10_000 }).toBe(true);
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

describe('a schedule', () => {
  it('puts the running container into the store again and again, and keeps what it is told to', async () => {
    const xml = (await store.lab.info(name)).xml.replace(
      '</godwit:settings>',
      "<godwit:checkpoints every='1s' keep='2'/></godwit:settings>",
    );
    const own = await store.saved(name);
    const define = { type: 'io.godwit.v1.node.define.request', xml };
    await store.lab.bus.request(words.node('n1', 'define'), define);
    await start(name);
    const scheduled = async () =>
      (await store.list('n1', name)).items
        .filter(({ trigger }) => trigger === 'schedule')
        .map(({ id }) => id);
    await expect.poll(async () => (await scheduled()).length, { timeout: 30_000 }).toBe(2);
    const [, first = ''] = await scheduled();
    await expect.poll(scheduled, { timeout: 30_000 }).not.toContain(first);
    expect((await scheduled()).length).toBeLessThanOrEqual(3);
    expect((await store.list('n2', name)).items.map(({ id }) => id)).toContain(own);
    expect((await store.lab.info(name)).container).toMatchObject({ owner: 'n1', state: 'running' });
    await stop(name);
  });
});
