import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTAINER_VERBS, LIMITS, NODE_VERBS } from '../../protocol/mod.ts';
import { type MoveLab, startMoveLab, words } from './support/moves.ts';

let lab: MoveLab;
let nats: NatsConnection;
beforeAll(async () => {
  lab = await startMoveLab();
  nats = await connect({ servers: lab.nats.url });
  await lab.run('web');
});
afterAll(async () => {
  await nats.close();
  await lab[Symbol.asyncDispose]();
});

/** Messages that no verb takes. */
const BAD: [string, string | Uint8Array][] = [
  ['nothing', ''],
  ['no JSON', '{"type": '],
  ['no UTF-8', new Uint8Array([0xff, 0xfe, 0x00])],
  ['no object', '[1, 2]'],
  ['null', 'null'],
  ['another version', '{"type": "io.godwit.v2.node.info.request"}'],
  ['a message of another kind', '{"type": "io.godwit.v1.event.job"}'],
  ['deep nesting', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['as much as NATS takes', `"${'x'.repeat(LIMITS.messageBytes - 2)}"`],
];

describe('an agent that gets messages nobody should send', () => {
  it.each([
    ...NODE_VERBS.map((verb) => [`node ${verb}`, words.node('n1', verb)] as const),
    ...CONTAINER_VERBS.map((verb) => [`container ${verb}`, words.container('web', verb)] as const),
  ])('%s refuses every one of them and goes on', async (_name, subject) => {
    for (const [what, body] of BAD) {
      const reply = await nats.request(subject, body, { timeout: 5_000 });
      expect(reply.json(), what).toMatchObject({ code: 'MESSAGE_INVALID' });
    }
    expect((await lab.info('web')).container).toMatchObject({ owner: 'n1', state: 'running' });
  });

  it('takes no commit and no abort of a move it does not know', async () => {
    const commit = {
      type: 'io.godwit.v1.node.commit.request',
      job: 'j',
      container: 'web',
      epoch: 2,
      revision: 9,
    };
    await expect(lab.bus.request(words.node('n1', 'commit'), commit)).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
    });
    const abort = { type: 'io.godwit.v1.node.abort.request', job: 'j', reason: 'x' };
    expect(await lab.bus.request(words.node('n1', 'abort'), abort)).toEqual({
      type: 'io.godwit.v1.node.abort',
    });
    expect((await lab.info('web')).container).toMatchObject({ owner: 'n1', epoch: 1, state: 'running' });
  });

  it('has no verb that is not in its table', async () => {
    const subject = words.container('web', 'info').replace(/info$/, 'constructor');
    expect((await nats.request(subject, '{}')).json()).toMatchObject({ code: 'UNSUPPORTED' });
  });
});

describe('an agent that is started again', () => {
  it('owns the same containers, which ran on meanwhile', async () => {
    // What it uses is measured anew, when the time for that comes.
    const { usage: _, ...before } = (await lab.info('web')).container;
    await lab.source.stop();
    await expect(lab.info('web')).rejects.toMatchObject({ code: 'CONTAINER_NOT_FOUND' });
    expect(lab.source.tasks('web')).toEqual([before.pid]);
    await lab.source.start();
    expect((await lab.info('web')).container).toMatchObject(before);
  });
});
