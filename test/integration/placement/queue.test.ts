import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { EvacuateReply, Job } from '../../../protocol/mod.ts';
import { type FakeNode, fakeNode } from '../support/fake-nodes.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };

/** One move leaves at a time, and one arrives. */
let lab: MoveLab;
let third: FakeNode;
beforeAll(async () => {
  lab = await startMoveLab({ movesOutMax: 1, movesInMax: 1 });
  third = fakeNode('n3', lab.nats.url);
  await third.start();
}, 60_000);
beforeEach(() => {
  for (const node of [lab.source, lab.target, third]) node.behave();
});
afterAll(async () => {
  for (const node of [lab?.source, lab?.target, third]) node?.behave();
  await third?.remove();
  await lab?.[Symbol.asyncDispose]();
}, 60_000);

/** Moves of these containers, the first of which stands still at its dump until `letGo`. */
async function held(...names: readonly string[]): Promise<{ jobs: string[]; letGo: () => void }> {
  for (const name of names) await lab.run(name);
  lab.source.tell('dump', 'wait');
  const jobs: string[] = [];
  for (const name of names) jobs.push(await lab.migrate(name));
  await expect.poll(() => lab.source.reached('dump'), PATIENCE).toBe(true);
  return { jobs, letGo: () => lab.source.behave() };
}

const queueOf = (jobs: readonly string[]) =>
  Promise.all(jobs.map(async (id) => (await lab.job(id)).queue?.place));
const abort = (job: string) =>
  lab.bus.request(words.job(job, 'abort'), { type: 'io.godwit.v1.job.abort.request' }, { timeoutMs: 15_000 });

it('moves wait for their turn in the order in which they came, and say their place', async () => {
  const { jobs, letGo } = await held('q1', 'q2', 'q3', 'q4');
  expect(await queueOf(jobs)).toEqual([undefined, 1, 2, 3]);
  expect(await lab.job(jobs[3]!)).toMatchObject({ state: 'running', progress: { phase: 'queued' } });
  // It is somebody's: nobody else may begin anything with it.
  await expect(lab.migrate('q3')).rejects.toMatchObject({
    code: 'CONTAINER_BUSY',
    details: { job: jobs[2] },
  });
  await abort(jobs[2]!);
  const aborted = await lab.ended(jobs[2]!);
  expect(aborted).toMatchObject({
    outcome: 'aborted',
    error: { code: 'MOVE_ABORTED' },
    bytes: { memory: 0 },
  });
  expect(await queueOf(jobs)).toEqual([undefined, 1, undefined, 2]);
  letGo();
  const ended: Job[] = [];
  for (const id of [jobs[0], jobs[1], jobs[3]]) ended.push(await lab.ended(id!));
  expect(ended.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
  // One after the other: none began before the one ahead of it had ended.
  const beganMs = (job: Job) => job.phases.find(({ name }) => name === 'preflight')?.startMs ?? 0;
  for (const [index, job] of ended.slice(1).entries())
    expect(beganMs(job)).toBeGreaterThanOrEqual(ended[index]?.endedAtMs ?? Number.POSITIVE_INFINITY);
  await lab.untouched(aborted, lab.source.tasks('q3')[0]);
}, 120_000);

it('a move to a node that has enough to do waits for it, and lets others go first', async () => {
  await lab.run('w1');
  await lab.run('w2');
  // Somebody else's move stands still there.
  lab.target.tell('restore', 'wait');
  const elsewhere = fakeNode('n4', lab.nats.url);
  try {
    await elsewhere.start();
    const define = { type: 'io.godwit.v1.node.define.request', xml: domainOf('w0', elsewhere.dir) };
    await lab.bus.request(words.node('n4', 'define'), define, { timeoutMs: 15_000 });
    const start = { type: 'io.godwit.v1.container.start.request' };
    await lab.bus.request(words.container('w0', 'start'), start, { timeoutMs: 15_000 });
    const other = await lab.migrate('w0');
    await expect.poll(() => lab.target.reached('restore'), PATIENCE).toBe(true);
    const waits = await lab.migrate('w1');
    await expect.poll(async () => (await lab.job(waits)).queue?.waitsFor, PATIENCE).toBe('n2');
    expect(await lab.ended(await lab.migrate('w2', { target: 'n3' }))).toMatchObject({ outcome: 'done' });
    lab.target.behave();
    expect(await lab.ended(other)).toMatchObject({ outcome: 'done' });
    expect(await lab.ended(waits)).toMatchObject({ outcome: 'done', target: 'n2' });
  } finally {
    await elsewhere.remove();
  }
}, 120_000);

it('an evacuation that is aborted takes its moves out of the queue', async () => {
  const { jobs, letGo } = await held('e1', 'e2');
  const body = { type: 'io.godwit.v1.node.evacuate.request', unsafe: true };
  const { job = '' } = (await lab.bus.request(words.node('n1', 'evacuate'), body, {
    timeoutMs: 15_000,
  })) as EvacuateReply;
  await expect.poll(async () => (await lab.job(job)).state, PATIENCE).toBe('running');
  await abort(job);
  letGo();
  for (const id of jobs) expect(await lab.ended(id)).toMatchObject({ outcome: 'done' });
  await expect.poll(async () => (await lab.job(job)).state, PATIENCE).toBe('ended');
  await lab.bus.request(words.node('n1', 'uncordon'), { type: 'io.godwit.v1.node.info.request' });
}, 120_000);

it('the queue outlives its agent', async () => {
  await lab.source.stop();
  await lab.source.startApart();
  const { jobs } = await held('r1', 'r2', 'r3');
  expect(await queueOf(jobs)).toEqual([undefined, 1, 2]);
  await lab.source.kill();
  lab.source.behave();
  await lab.source.startApart();
  const answers = async (id: string) => (await lab.job(id).catch(() => undefined))?.state;
  for (const id of jobs) await expect.poll(() => answers(id), PATIENCE).toBe('ended');
  // What had begun is undone as ever; what waited goes on waiting, and then goes.
  expect(await lab.job(jobs[0]!)).toMatchObject({ outcome: 'failed' });
  for (const id of jobs.slice(1)) expect(await lab.job(id)).toMatchObject({ outcome: 'done', target: 'n2' });
}, 120_000);

function domainOf(name: string, root: string): string {
  return `<domain type='lxc'><name>${name}</name><memory unit='MiB'>64</memory><os><type>exe</type>
    <init>/bin/app</init></os><devices><filesystem type='mount'><source dir='${root}'/><target dir='/'/>
    </filesystem></devices></domain>`;
}
