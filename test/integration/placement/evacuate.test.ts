import { afterAll, beforeAll, expect, it } from 'vitest';
import { EvacuateReply, type EvacuateRequest, type Job, NodeInfo } from '../../../protocol/mod.ts';
import { type FakeNode, fakeNode } from '../support/fake-nodes.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

const PATIENCE = { timeout: 90_000, interval: 100 };

let lab: MoveLab;
let third: FakeNode;

beforeAll(async () => {
  lab = await startMoveLab({ evacuateWhenFailing: true });
  third = fakeNode('n3', lab.nats.url);
  await third.start();
}, 60_000);

afterAll(async () => {
  await third?.remove();
  await lab?.[Symbol.asyncDispose]();
});

async function evacuate(request: Partial<EvacuateRequest> = {}): Promise<EvacuateReply> {
  const body = { type: 'io.godwit.v1.node.evacuate.request', unsafe: true, ...request };
  return EvacuateReply.parse(
    await lab.bus.request(words.node('n1', 'evacuate'), body, { timeoutMs: 60_000 }),
  );
}

async function tell(node: string, verb: 'cordon' | 'uncordon' | 'info'): Promise<NodeInfo> {
  const body = { type: 'io.godwit.v1.node.info.request' };
  return NodeInfo.parse(await lab.bus.request(words.node(node, verb), body, { timeoutMs: 15_000 }));
}

async function over(job: string | undefined): Promise<Job> {
  // An agent that was killed answers for its jobs again some time later.
  await expect.poll(async () => (await lab.job(job!).catch(() => undefined))?.state, PATIENCE).toBe('ended');
  return lab.job(job!);
}

async function ownersOf(names: readonly string[]): Promise<string[]> {
  return Promise.all(names.map(async (name) => (await lab.info(name)).container.owner));
}

async function runAll(...names: readonly string[]): Promise<void> {
  for (const name of names) await lab.run(name);
}

it('empties a node, several at a time, and leaves it cordoned', async () => {
  const names = ['e1', 'e2', 'e3', 'e4'];
  await runAll(...names);
  const planned = await evacuate({ dryRun: true });
  expect(planned.plan.map(({ container }) => container)).toEqual(names);
  expect(planned.plan.every(({ target }) => target === 'n2' || target === 'n3')).toBe(true);
  expect((await tell('n1', 'info')).state).toBe('up');
  const { job } = await evacuate({ parallel: 2 });
  await expect(evacuate()).rejects.toMatchObject({ code: 'JOB_STATE' });
  const ended = await over(job);
  expect(ended).toMatchObject({ kind: 'evacuate', outcome: 'done' });
  expect(ended.evacuation?.items.map(({ state }) => state)).toEqual(['moved', 'moved', 'moved', 'moved']);
  expect(await ownersOf(names)).toEqual(ended.evacuation?.items.map(({ target }) => target));
  expect(await ownersOf(names)).not.toContain('n1');
  expect(await tell('n1', 'info')).toMatchObject({ state: 'cordoned', containers: [] });
  await tell('n1', 'uncordon');
}, 180_000);

it('lists what found no place, with the reason, when it is aborted, and lets it run on', async () => {
  await runAll('stay1', 'stay2');
  await Promise.all([tell('n2', 'cordon'), tell('n3', 'cordon')]);
  const { job } = await evacuate();
  await expect
    .poll(async () => (await lab.job(job!)).evacuation?.items[0]?.attempts, PATIENCE)
    .toBeGreaterThan(0);
  await lab.bus.request(
    words.job(job!, 'abort'),
    { type: 'io.godwit.v1.job.abort.request' },
    { timeoutMs: 15_000 },
  );
  const ended = await over(job);
  await Promise.all([tell('n2', 'uncordon'), tell('n3', 'uncordon'), tell('n1', 'uncordon')]);
  expect(ended).toMatchObject({ outcome: 'aborted', error: { code: 'EVACUATION_INCOMPLETE' } });
  expect(ended.evacuation?.items).toMatchObject([{ state: 'stays' }, { state: 'stays' }]);
  expect(ended.evacuation?.items[0]?.reason).toMatch(/n2: the node is cordoned.*n3: the node is cordoned/);
  for (const name of ['stay1', 'stay2'])
    expect((await lab.info(name)).container).toMatchObject({ owner: 'n1', state: 'running' });
}, 180_000);

it('evacuates by itself when a monitor reports a critical state, without exposure', async () => {
  const event = {
    specversion: '1.0',
    id: 'e1',
    source: 'test',
    type: 'io.godwit.v1.event.health',
    time: new Date().toISOString(),
    data: { severity: 'warning', reason: 'a fan' },
  };
  lab.bus.publish(words.event('health', 'n1'), event);
  lab.bus.publish(words.event('health', 'n1'), {
    ...event,
    data: { severity: 'critical', reason: 'memory errors' },
  });
  const evacuations = async () => {
    const body = { type: 'io.godwit.v1.jobs.request' };
    const { jobs } = (await lab.bus.request(words.node('n1', 'jobs'), body, { timeoutMs: 15_000 })) as {
      jobs: Job[];
    };
    return jobs.filter(({ kind }) => kind === 'evacuate');
  };
  await expect.poll(async () => (await evacuations()).length, PATIENCE).toBe(3);
  const job = (await evacuations()).at(-1)!;
  expect(job).toMatchObject({
    modeReason: 'health: memory errors',
    evacuation: { maxExposureMs: 0, parallel: 4 },
  });
  expect(job.evacuation?.items.map(({ container }) => container)).toEqual(['stay1', 'stay2']);
  await lab.bus.request(
    words.job(job.job, 'abort'),
    { type: 'io.godwit.v1.job.abort.request' },
    { timeoutMs: 15_000 },
  );
  await over(job.job);
  await tell('n1', 'uncordon');
}, 180_000);

it('goes on after the agent was killed in the middle of it', async () => {
  await lab.source.stop();
  await lab.source.startApart();
  const names = ['r1', 'r2', 'r3', 'r4'];
  await runAll(...names);
  const { job } = await evacuate();
  await expect
    .poll(
      async () => (await lab.job(job!)).evacuation?.items.filter(({ state }) => state === 'moved').length,
      PATIENCE,
    )
    .toBeGreaterThan(0);
  await lab.source.kill();
  await lab.source.startApart();
  expect((await tell('n1', 'info')).state).toBe('draining');
  const ended = await over(job);
  expect(ended).toMatchObject({ outcome: 'done' });
  expect(await ownersOf(names)).not.toContain('n1');
  expect((await tell('n1', 'info')).state).toBe('cordoned');
}, 180_000);

it('begins nothing more after its deadline, and what waits runs on', async () => {
  await tell('n1', 'uncordon');
  await runAll('late1');
  await Promise.all([tell('n2', 'cordon'), tell('n3', 'cordon')]);
  const { job } = await evacuate({ deadlineMs: 3_000 });
  const ended = await over(job);
  await Promise.all([tell('n2', 'uncordon'), tell('n3', 'uncordon')]);
  expect(ended).toMatchObject({ outcome: 'timeout', error: { code: 'EVACUATION_INCOMPLETE' } });
  expect(ended.evacuation?.items).toMatchObject([{ container: 'late1', state: 'stays' }]);
  expect((await lab.info('late1')).container).toMatchObject({ owner: 'n1', state: 'running' });
}, 180_000);
