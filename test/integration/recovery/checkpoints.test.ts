import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRecord, Job } from '../../../protocol/mod.ts';
import { type StoreLab, startStoreLab } from '../support/checkpoints.ts';
import type { FakeNode, Program } from '../support/fake-nodes.ts';

const NAME = 'app';
let store: StoreLab;
let pid: number | undefined;
/** With one agent as a process of its own, and the container on the source. */
async function startApart(choose: (store: StoreLab) => FakeNode): Promise<FakeNode> {
  store = await startStoreLab();
  const node = choose(store);
  await node.stop();
  await node.startApart();
  await store.lab.run(NAME);
  [pid] = store.lab.source.tasks(NAME);
  return node;
}
afterEach(() => store[Symbol.asyncDispose]());

/** The node's agent is killed as soon as a program has got to where it waits. */
async function killedAt(node: FakeNode, program: Program, begin: () => Promise<string>): Promise<string> {
  node.tell(program, 'wait');
  const job = await begin();
  await expect.poll(() => node.reached(program), { timeout: 20_000 }).toBe(true);
  await node.kill();
  return job;
}

/** Comes back; whatever waited goes on. */
async function comeBack(node: FakeNode, job: string): Promise<Job> {
  node.behave();
  await node.start();
  return store.lab.ended(job);
}

describe('an agent that is killed in the middle of a checkpoint', () => {
  it.each([
    ['dump', true],
    ['dump', false],
    ['zstd', false],
  ] as const)(
    'at %s (leave running: %s) lets the container run on, without half a checkpoint',
    async (program, leaveRunning) => {
      const source = await startApart(({ lab }) => lab.source);
      const id = await killedAt(source, program, () => store.save(NAME, { leaveRunning }));
      expect((await store.list('n2', NAME)).items).toEqual([]);
      expect(store.entries(NAME)).toHaveLength(1);
      await expect(store.restored('n2', NAME)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
      const job = await comeBack(source, id);
      expect(job).toMatchObject({ outcome: 'failed', error: { code: 'JOB_ABORTED' } });
      await store.lab.untouched(job, pid);
      await expect.poll(() => store.entries(NAME), { timeout: 5_000 }).toEqual([]);
      await store.saved(NAME, { leaveRunning: true });
    },
  );
});

describe('an agent that is killed in the middle of a restore', () => {
  let target: FakeNode;
  beforeEach(async () => {
    target = await startApart(({ lab }) => lab.target);
    await store.saved(NAME);
  });

  it('before the record names it leaves the container stopped where it was', async () => {
    const id = await killedAt(target, 'restore', () => store.restore('n2', NAME));
    const job = await comeBack(target, id);
    expect(job).toMatchObject({ outcome: 'failed', error: { code: 'JOB_ABORTED' } });
    expect(await store.record(NAME)).toEqual({ owner: 'n1', epoch: 1, phase: 'stopped' });
    await expect.poll(() => target.tasks(NAME), { timeout: 5_000 }).toEqual([]);
    expect(existsSync(join(target.dir, 'lxc', NAME))).toBe(false);
    await store.lab.swept(job);
    expect(await store.restored('n2', NAME)).toMatchObject({ outcome: 'done' });
  });

  it('once the record names it lets the container run', async () => {
    const { source, bus } = store.lab;
    const id = await killedAt(target, 'restore', () => store.restore('n2', NAME));
    // What the owner would have done at the last moment.
    await source.stop();
    const seen = await bus.records.get(NAME);
    if (!seen) throw new Error('no record');
    const given: ContainerRecord = { ...seen.record, owner: 'n2', epoch: 2, phase: 'running' };
    expect(await bus.records.update(given, seen.revision)).toMatchObject({ status: 'ok' });
    await source.start();
    const job = await comeBack(target, id);
    expect(job).toMatchObject({ outcome: 'done' });
    expect((await store.lab.info(NAME)).container).toMatchObject({
      owner: 'n2',
      epoch: 2,
      phase: 'running',
      state: 'running',
    });
    expect(target.tasks(NAME)).toHaveLength(1);
    expect(source.tasks(NAME)).toEqual([]);
    await store.lab.swept(job);
  });
});
