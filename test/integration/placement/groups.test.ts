import { afterAll, beforeAll, expect, it } from 'vitest';
import { EvacuateReply, type Job } from '../../../protocol/mod.ts';
import { type FakeNode, fakeNode } from '../support/fake-nodes.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

const PATIENCE = { timeout: 90_000, interval: 100 };
const ASK = { timeoutMs: 30_000 };

let lab: MoveLab;
const others: FakeNode[] = [];

/** n1 and n2 have no label; of those with one, n3 is only chosen where nothing else counts. */
beforeAll(async () => {
  lab = await startMoveLab();
  for (const name of ['n3', 'n4']) {
    const node = fakeNode(name, lab.nats.url, { labels: { zone: 'a' } });
    others.push(node);
    await node.start();
  }
}, 60_000);
afterAll(async () => {
  for (const node of others) await node.remove();
  await lab?.[Symbol.asyncDispose]();
}, 60_000);

async function run(name: string, placement: string, node = 'n1'): Promise<void> {
  const root = lab.source.dir;
  const xml = `<domain type='lxc'><name>${name}</name><memory unit='MiB'>64</memory><os><type>exe</type>
    <init>/bin/app</init></os><metadata><godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'>
    <godwit:placement ${placement}/></godwit:settings></metadata><devices><filesystem type='mount'>
    <source dir='${root}'/><target dir='/'/></filesystem></devices></domain>`;
  const define = { type: 'io.godwit.v1.node.define.request', xml };
  await lab.bus.request(words.node(node, 'define'), define, ASK);
  await lab.bus.request(
    words.container(name, 'start'),
    { type: 'io.godwit.v1.container.start.request' },
    ASK,
  );
}

async function evacuate(): Promise<Job> {
  const body = { type: 'io.godwit.v1.node.evacuate.request', unsafe: true, parallel: 2 };
  const { job = '' } = EvacuateReply.parse(await lab.bus.request(words.node('n1', 'evacuate'), body, ASK));
  await expect.poll(async () => (await lab.job(job)).state, PATIENCE).toBe('ended');
  await lab.bus.request(words.node('n1', 'uncordon'), { type: 'io.godwit.v1.node.info.request' });
  return lab.job(job);
}

const targets = (job: Job, prefix: string) =>
  (job.evacuation?.items ?? [])
    .filter(({ container }) => container.startsWith(prefix))
    .map(({ target }) => target);

it('an evacuation keeps groups within the nodes they may be on, together or apart', async () => {
  for (const index of [0, 1, 2]) await run(`mpi${index}`, "group='mpi' together='require' require='zone=a'");
  for (const index of [0, 1]) await run(`ha${index}`, "group='ha' apart='require' require='zone=a'");
  const job = await evacuate();
  expect(job.error).toBeUndefined();
  expect(job).toMatchObject({ outcome: 'done' });
  const together = new Set(targets(job, 'mpi'));
  expect(together.size).toBe(1);
  expect(['n3', 'n4']).toContain([...together][0]);
  expect(targets(job, 'ha').sort()).toEqual(['n3', 'n4']);
  // Members follow each other: nobody else's move begins between the first and the last of a group.
  const order = (job.evacuation?.items ?? []).map(({ group }) => group);
  expect(order.indexOf('mpi') + 2).toBe(order.lastIndexOf('mpi'));
}, 180_000);

it('members that leave different nodes at the same time keep apart all the same', async () => {
  const placement = "group='twin' apart='require' require='zone=a'";
  await run('twin0', placement, 'n1');
  await run('twin1', placement, 'n2');
  const jobs = await Promise.all(['twin0', 'twin1'].map((name) => lab.migrate(name, { target: undefined })));
  const ended = await Promise.all(jobs.map((job) => lab.ended(job)));
  expect(ended.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  expect(new Set(ended.map(({ target }) => target))).toEqual(new Set(['n3', 'n4']));
}, 120_000);
