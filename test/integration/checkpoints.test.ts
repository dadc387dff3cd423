import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import { chooseBit, flip, seeded } from '../e2e/support/store.ts';
import { type StoreLab, useStoreLab } from './support/checkpoints.ts';
import { startMoveLab, words } from './support/moves.ts';

let store: StoreLab;
let name = '';
let pid: number | undefined;
useStoreLab((own) => {
  ({ store, name, pid } = own);
});

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
    await expect.poll(() => store.lab.source.reached('zstd'), { timeout: 20_000 }).toBe(true);
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
    await expect.poll(() => store.lab.target.reached('restore'), { timeout: 20_000 }).toBe(true);
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

  it('in its own place leaves nothing of what had begun when pre-flight refuses it, or a bit is flipped', async () => {
    const id = await store.saved(name);
    const refused = await store.restored('n1', name, { unsafe: false });
    expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'CHECKPOINT_REFUSED' } });
    await store.lab.swept(refused);

    const dir = join(store.dir, name, id);
    const file = readdirSync(dir).find((one) => one.startsWith('pages-')) ?? '';
    flip(dir, { file, at: 0, bit: 0 });
    const damaged = await store.restored('n1', name);
    expect(damaged).toMatchObject({
      outcome: 'refused',
      error: { code: 'CHECKPOINT_DAMAGED', details: { file } },
    });
    await store.lab.swept(damaged);
    flip(dir, { file, at: 0, bit: 0 });

    expect(store.lab.source.tasks(name)).toEqual([]);
    expect(await store.record(name)).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
    expect(await store.restored('n1', name)).toMatchObject({ outcome: 'done' });
  });

  it('in its own place hears every reason, also the one that what had begun has failed of', async () => {
    await store.saved(name);
    store.lab.source.tell('host', 'fail');
    const refused = await store.restored('n1', name);
    expect(refused).toMatchObject({
      outcome: 'refused',
      error: {
        code: 'CHECKPOINT_REFUSED',
        details: { refusals: [{ code: 'NETWORK_UNKNOWN' }, { code: 'TOPOLOGY_DIFFERS' }] },
      },
    });
    store.lab.source.behave();
    await store.lab.swept(refused);
    expect(await store.restored('n1', name)).toMatchObject({ outcome: 'done' });
  });

  it.each(['n1', 'n2'] as const)(
    'is refused on %s when its kernel lacks a limit that comes along',
    async (node) => {
      await store.saved(name);
      const one = node === 'n1' ? store.lab.source : store.lab.target;
      one.tell('limits', 'fail');
      const message = 'the kernel has no such limit: memory.swap.max';
      const refused = await store.restored(node, name);
      expect(refused).toMatchObject({
        outcome: 'refused',
        error: {
          code: 'CHECKPOINT_REFUSED',
          details: { refusals: [{ code: 'LIMIT_UNAVAILABLE', message }] },
        },
      });
      expect(refused.phases.map((phase) => phase.name)).not.toContain('restore');
      one.behave();
      await store.lab.swept(refused);
      expect(await store.restored(node, name)).toMatchObject({ outcome: 'done' });
    },
  );

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
    await expect.poll(() => store.lab.source.tasks(name), { timeout: 20_000 }).toEqual([]);
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
