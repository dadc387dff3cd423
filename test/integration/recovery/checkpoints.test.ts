import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Versioned } from '../../../agent/bus/bus.ts';
import { restoreDir } from '../../../agent/checkpoint/notes.ts';
import { JOURNAL_VERSION, Journal } from '../../../agent/migration/journal.ts';
import type { ContainerRecord, Job } from '../../../protocol/mod.ts';
import { type StoreLab, startStoreLab } from '../support/checkpoints.ts';
import type { FakeNode, Program } from '../support/fake-nodes.ts';
import { words } from '../support/moves.ts';

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
      await expect.poll(() => store.entries(NAME), { timeout: 20_000 }).toEqual([]);
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
    await expect.poll(() => target.tasks(NAME), { timeout: 20_000 }).toEqual([]);
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

describe.each(['gone', 'left'])('an agent that starts when the notes of a restore are %s', (notes) => {
  const start = () =>
    store.lab.bus.request(words.container(NAME, 'start'), {
      type: 'io.godwit.v1.container.start.request',
    });
  let before: Versioned;
  let job: Job;
  /** What was restored on n2 ends at the moment in which it is to run. */
  beforeEach(async () => {
    store = await startStoreLab();
    await store.lab.run(NAME);
    await store.saved(NAME);
    before = (await store.lab.bus.records.get(NAME)) as Versioned;
    store.lab.target.tell('resume', 'fail');
    job = await store.restored('n2', NAME);
    expect(job).toMatchObject({ outcome: 'failed', error: { code: 'CHECKPOINT_NOT_RESTORED' } });
    expect(await store.record(NAME)).toEqual({ owner: 'n2', epoch: 2, phase: 'stopped' });
    store.lab.target.behave();
  });
  const startAgain = async () => {
    const { target } = store.lab;
    await target.stop();
    if (notes === 'left')
      Journal.begin(
        restoreDir(join(target.dir, 'run'), job.job),
        {
          version: JOURNAL_VERSION,
          side: 'restore',
          job: job.job,
          container: NAME,
          checkpoint: job.checkpoint?.id ?? '',
          xml: before.record.spec,
          before,
        },
        pino({ level: 'silent' }),
      );
    expect(target.leftovers(job.job)).toHaveLength(notes === 'left' ? 1 : 0);
    await target.start();
    await store.lab.swept(job);
  };

  it('keeps what it has of a container whose tasks were lost', async () => {
    await startAgain();
    await start();
    expect((await store.lab.info(NAME)).container).toMatchObject({ owner: 'n2', state: 'running' });
  });

  it('lets a container run that has moved away and come back since', async () => {
    const { lab } = store;
    await start();
    for (const target of ['n1', 'n2'])
      expect(await lab.ended(await lab.migrate(NAME, { target }))).toMatchObject({ outcome: 'done' });
    const tasks = lab.target.tasks(NAME);
    await startAgain();
    expect((await lab.info(NAME)).container).toMatchObject({ owner: 'n2', epoch: 4, state: 'running' });
    expect(lab.target.tasks(NAME)).toEqual(tasks);
  });
});
