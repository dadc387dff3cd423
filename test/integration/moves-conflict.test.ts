import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ContainerRecord, NodeInfo } from '../../protocol/mod.ts';
import { type MoveLab, startMoveLab, words } from './support/moves.ts';

let lab: MoveLab;
let name: string;
let pid: number | undefined;
let count = 0;
beforeAll(async () => {
  lab = await startMoveLab();
});
beforeEach(async () => {
  for (const node of [lab.source, lab.target]) node.behave();
  count += 1;
  name = `c${count}`;
  await lab.run(name);
  [pid] = lab.source.tasks(name);
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

/** Changes the record as an operator's tool would, behind the owner's back. */
async function meddle(change: (record: ContainerRecord) => ContainerRecord): Promise<void> {
  const seen = await lab.bus.records.get(name);
  if (!seen) throw new Error('no record');
  expect(await lab.bus.records.update(change(seen.record), seen.revision)).toMatchObject({ status: 'ok' });
}

/** A move whose restore waits until it is told to go on: the record is claimed, nothing is decided. */
async function heldMove(): Promise<{ job: string; letGo: () => void }> {
  lab.target.tell('restore', 'wait');
  const job = await lab.migrate(name);
  await expect.poll(() => lab.target.reached('restore'), { timeout: 20_000 }).toBe(true);
  return { job, letGo: () => lab.target.behave() };
}

const withoutJob = ({ job: _job, ...record }: ContainerRecord): ContainerRecord => record;

describe('a record that somebody else changes between claim and commit', () => {
  it('an abort written into it wins over the commit', async () => {
    const { job, letGo } = await heldMove();
    await meddle((record) => ({ ...withoutJob(record), phase: 'running' }));
    letGo();
    const ended = await lab.ended(job);
    expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'RECORD_CONFLICT' } });
    await lab.untouched(ended, pid);
  });

  it('a change that decides nothing undoes the move instead of leaving it frozen', async () => {
    const { job, letGo } = await heldMove();
    await meddle((record) => ({ ...record }));
    letGo();
    const ended = await lab.ended(job);
    expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'RECORD_CONFLICT' } });
    await lab.untouched(ended, pid);
  });

  it('in the rounds: the claim loses and nothing is frozen', async () => {
    lab.source.tell('pre-dump', 'wait');
    const job = await lab.migrate(name, { mode: 'precopy' });
    await expect.poll(() => lab.source.reached('pre-dump'), { timeout: 20_000 }).toBe(true);
    await meddle((record) => ({ ...record }));
    lab.source.behave();
    const ended = await lab.ended(job);
    expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'RECORD_CONFLICT' } });
    expect(lab.source.reached('dump')).toBe(false);
    await lab.untouched(ended, pid);
  });
});

it('a record that somebody wrote again as it is before the move is no reason to fail', async () => {
  await meddle((record) => ({ ...record }));
  expect((await lab.ended(await lab.migrate(name))).outcome).toBe('done');
});

describe('one operation at a time', () => {
  it('a second move, a stop and a new definition are refused as busy with the job', async () => {
    const { job, letGo } = await heldMove();
    const busy = { code: 'CONTAINER_BUSY', details: { container: name, job } };
    await expect(lab.migrate(name)).rejects.toMatchObject(busy);
    const stop = { type: 'io.godwit.v1.container.stop.request', kill: true };
    await expect(lab.bus.request(words.container(name, 'stop'), stop)).rejects.toMatchObject(busy);
    const { xml } = await lab.info(name);
    const define = { type: 'io.godwit.v1.node.define.request', xml };
    await expect(lab.bus.request(words.node('n1', 'define'), define)).rejects.toMatchObject(busy);
    expect((await lab.info(name)).container.job).toBe(job);
    letGo();
    expect((await lab.ended(job)).outcome).toBe('done');
  });

  it('of two moves at the same time one is accepted', async () => {
    const tries = await Promise.allSettled([lab.migrate(name), lab.migrate(name)]);
    const accepted = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const refused = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(accepted).toHaveLength(1);
    expect(refused).toEqual(['CONTAINER_BUSY']);
    expect((await lab.ended(accepted[0] ?? '')).outcome).toBe('done');
  });
});

describe('a target that is not what it should be', () => {
  it('is heard of a moment after this agent started: waited for', async () => {
    await Promise.all([lab.source.stop(), lab.target.stop()]);
    await lab.source.start();
    const coming = lab.target.start();
    const job = await lab.migrate(name);
    await coming;
    expect((await lab.ended(job)).outcome).toBe('done');
  });

  it('nobody of that name: refused with NODE_NOT_FOUND', async () => {
    const ended = await lab.ended(await lab.migrate(name, { target: 'n9' }));
    expect(ended).toMatchObject({ outcome: 'refused', error: { code: 'NODE_NOT_FOUND' } });
    await lab.untouched(ended, pid);
  });

  it('takes no work: refused with the reason', async () => {
    const cordon = (verb: 'cordon' | 'uncordon') =>
      lab.bus.request(words.node('n2', verb), { type: 'io.godwit.v1.node.info.request' });
    await cordon('cordon');
    const ended = await lab.ended(await lab.migrate(name));
    await cordon('uncordon');
    expect(ended).toMatchObject({
      outcome: 'refused',
      error: { code: 'PREFLIGHT_REFUSED', details: { refusals: [{ code: 'NODE_CORDONED', node: 'n2' }] } },
    });
    await lab.untouched(ended, pid);
  });

  it('never says who it is: ends with BUS_TIMEOUT', async () => {
    const mute = await muteNode('info');
    const ended = await lab.ended(await lab.migrate(name, { target: 'n8' }));
    expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'BUS_TIMEOUT' } });
    await lab.untouched(ended, pid);
    await mute.stop();
  });

  it('never answers `prepare`: the time limit and an abort end the wait at once', async () => {
    const mute = await muteNode('prepare');
    const late = await lab.ended(await lab.migrate(name, { target: 'n8', timeoutMs: 1_000 }));
    expect(late).toMatchObject({ outcome: 'timeout', error: { code: 'MOVE_TIMEOUT' } });
    // Not only when nobody asks any more.
    expect(late.totalMs).toBeLessThan(15_000);
    const asked = mute.askedAgain();
    const job = await lab.migrate(name, { target: 'n8' });
    await asked;
    await lab.bus.request(words.job(job, 'abort'), { type: 'io.godwit.v1.job.abort.request' });
    const aborted = await lab.ended(job);
    expect(aborted).toMatchObject({ outcome: 'aborted', error: { code: 'MOVE_ABORTED' } });
    await lab.untouched(aborted, pid);
    await mute.stop();
  });

  it('is told when the reservation it made comes too late', async () => {
    const slow = await slowNode();
    const job = await lab.migrate(name, { target: 'n8' });
    await slow.asked;
    await lab.bus.request(words.job(job, 'abort'), { type: 'io.godwit.v1.job.abort.request' });
    const ended = await lab.ended(job);
    slow.answer();
    expect(await slow.aborted).toMatchObject({ job });
    await lab.untouched(ended, pid);
    await slow.stop();
  });

  it.each([
    ['garbage', '"hello"'],
    ['another version', { type: 'io.godwit.v2.node.info', node: 'n8' }],
  ])('answers %s: ends with MESSAGE_INVALID', async (_what, answer) => {
    const mute = await lab.bus.serve(words.node('n8', 'info'), async () => answer);
    const ended = await lab.ended(await lab.migrate(name, { target: 'n8' }));
    expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'MESSAGE_INVALID' } });
    await lab.untouched(ended, pid);
    await mute.stop();
  });
});

/** A node n8 that leaves a request unanswered. */
async function muteNode(verb: 'info' | 'prepare') {
  const info = await infoOfN8();
  const never = new Promise<never>(() => {});
  let heard = () => {};
  const served = await Promise.all([
    lab.bus.serve(words.node('n8', 'info'), () => (verb === 'info' ? never : Promise.resolve(info))),
    lab.bus.serve(words.node('n8', 'prepare'), () => {
      heard();
      return never;
    }),
  ]);
  return {
    askedAgain: () =>
      new Promise<void>((resolve) => {
        heard = resolve;
      }),
    stop: async () => void (await Promise.all(served.map((one) => one.stop()))),
  };
}

/** A node n8 that takes a container, but says so only when it is told to. */
async function slowNode() {
  const info = await infoOfN8();
  let answer = () => {};
  const told = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let isAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  let heard: (body: unknown) => void = () => {};
  const aborted = new Promise<unknown>((resolve) => {
    heard = resolve;
  });
  const served = await Promise.all([
    lab.bus.serve(words.node('n8', 'info'), async () => info),
    lab.bus.serve(words.node('n8', 'prepare'), async ({ body }) => {
      isAsked();
      await told;
      return {
        type: 'io.godwit.v1.node.prepare',
        job: (body as { job: string }).job,
        node: 'n8',
        capabilities: info.capabilities,
        refusals: [],
        nowMs: Date.now(),
        data: { host: '127.0.0.1', port: info.dataPort, token: 'f00d' },
      };
    }),
    lab.bus.serve(words.node('n8', 'abort'), async ({ body }) => {
      heard(body);
      return { type: 'io.godwit.v1.node.abort' };
    }),
  ]);
  return {
    answer,
    asked,
    aborted,
    stop: async () => void (await Promise.all(served.map((one) => one.stop()))),
  };
}

async function infoOfN8(): Promise<NodeInfo> {
  const request = { type: 'io.godwit.v1.node.info.request' };
  const real = NodeInfo.parse(await lab.bus.request(words.node('n2', 'info'), request));
  return { ...real, node: 'n8' };
}
