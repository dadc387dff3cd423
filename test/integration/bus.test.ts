import { jetstreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BusAlarm } from '../../agent/bus/mod.ts';
import { GodwitError, LIMITS, subjects } from '../../protocol/mod.ts';
import { testBus } from './support/bus.ts';
import { type NatsServer, startNats } from './support/nats.ts';

const on = subjects('test');
let server: NatsServer;
beforeAll(async () => {
  // A server that lets through more than godwit accepts, so that the limit of godwit itself is tried.
  server = await startNats({ config: 'max_payload: 8MB' });
});
afterAll(() => server.stop());

describe('requests', () => {
  test('carry plain JSON both ways, and errors arrive as they were thrown', async () => {
    const n1 = await testBus(server.url);
    const n2 = await testBus(server.url, { node: 'n2' });
    await n2.serve(on.node('n2', 'info'), async ({ body }) => ({ echo: body }));
    await n2.serve(on.node('n2', 'prepare'), async () => {
      throw new GodwitError('CONTAINER_BUSY', { container: 'web', job: 'j1' });
    });

    expect(await n1.request(on.node('n2', 'info'), { a: ['ü', 1, null] })).toEqual({
      echo: { a: ['ü', 1, null] },
    });
    const refused = await n1.request(on.node('n2', 'prepare'), {}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(GodwitError);
    expect(refused).toMatchObject({ code: 'CONTAINER_BUSY', details: { container: 'web', job: 'j1' } });
    await Promise.all([n1.close(), n2.close()]);
  });

  test('nobody listening is said at once, by what is missing', async () => {
    const bus = await testBus(server.url);
    const startedMs = performance.now();
    const codes = await Promise.all(
      [on.node('n9', 'info'), on.container('we.b_', 'info'), on.job('j9', 'info')].map((subject) =>
        bus.request(subject, {}).catch((error: GodwitError) => [error.code, error.message]),
      ),
    );
    expect(codes).toEqual([
      ['NODE_NOT_FOUND', "no node named 'n9' answers"],
      ['CONTAINER_NOT_FOUND', "no node owns a container named 'we.b_'"],
      ['JOB_NOT_FOUND', "no node knows a job 'j9'"],
    ]);
    // Not after the time that a request waits for an answer.
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    await bus.close();
  });

  test('an answer that does not come is a timeout, on container subjects too', async () => {
    const bus = await testBus(server.url);
    await bus.serve(on.node('n1', 'doctor'), () => new Promise(() => undefined));
    await bus.serve(on.container('slow', 'info'), () => new Promise(() => undefined));
    for (const subject of [on.node('n1', 'doctor'), on.container('slow', 'info')])
      await expect(bus.request(subject, {}, { timeoutMs: 100 })).rejects.toMatchObject({
        code: 'BUS_TIMEOUT',
      });
    await bus.close();
  });

  test('an answer over the limit arrives as the error it is', async () => {
    const bus = await testBus(server.url);
    await bus.serve(on.node('n1', 'jobs'), async () => 'x'.repeat(LIMITS.messageBytes));
    await expect(bus.request(on.node('n1', 'jobs'), {})).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await expect(bus.request(on.node('n1', 'jobs'), 'x'.repeat(LIMITS.messageBytes))).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    });
    await bus.close();
  });

  test('a stopped endpoint no longer answers', async () => {
    const bus = await testBus(server.url);
    const endpoint = await bus.serve(on.containerAny('gone'), async () => ({}));
    await bus.request(on.container('gone', 'start'), {});
    await endpoint.stop();
    await expect(bus.request(on.container('gone', 'start'), {})).rejects.toMatchObject({
      code: 'CONTAINER_NOT_FOUND',
    });
    await bus.close();
  });
});

describe('gather', () => {
  test('collects every answer, ends early when enough have come, and leaves errors out', async () => {
    const buses = await Promise.all(['n1', 'n2', 'n3', 'n4'].map((node) => testBus(server.url, { node })));
    for (const [i, bus] of buses.entries())
      await bus.serve(on.auction, async () => {
        if (i === 3) throw new GodwitError('UNSUPPORTED', { problem: 'no bids' });
        return { bid: i };
      });

    const all = await buses[0]!.gather(on.auction, {}, { maxWaitMs: 1_500 });
    expect(all).toHaveLength(3);
    const startedMs = performance.now();
    const some = await buses[0]!.gather(
      on.auction,
      {},
      { maxWaitMs: 20_000, enough: (bids) => bids.length === 2 },
    );
    expect(some).toHaveLength(2);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expect(await buses[0]!.gather(on.all('info'), {}, { maxWaitMs: 5_000 })).toEqual([]);
    await Promise.all(buses.map((bus) => bus.close()));
  });
});

describe('two owners', () => {
  test('a second answer to a container request raises the alarm; the first one stands', async () => {
    const alarms: BusAlarm[] = [];
    const asker = await testBus(server.url, { alarm: (alarm) => alarms.push(alarm) });
    const [a, b] = await Promise.all(['a', 'b'].map((node) => testBus(server.url, { node })));
    await a!.serve(on.containerAny('twin'), async () => ({ owner: 'a' }));
    expect(await asker.request(on.container('twin', 'info'), {})).toEqual({ owner: 'a' });
    await b!.serve(on.containerAny('twin'), async () => ({ owner: 'b' }));
    expect(alarms).toEqual([]);

    const subject = on.container('twin', 'info');
    expect(['a', 'b']).toContain(((await asker.request(subject, {})) as { owner: string }).owner);

    await vi.waitFor(() => expect(alarms).toEqual([{ kind: 'two-owners', subject }]), 2_000);
    expect(asker.counters.secondAnswers).toBe(1);
    await Promise.all([asker, a!, b!].map((bus) => bus.close()));
  });
});

describe('hostile messages', () => {
  test('are answered with a refusal, counted, and never end the agent', async () => {
    const bus = await testBus(server.url);
    const subject = on.node('n1', 'info');
    await bus.serve(subject, async ({ body }) => ({ body }));
    const heard: unknown[] = [];
    await bus.subscribe(on.announceAll, ({ body }) => {
      heard.push(body);
      throw new Error('a handler that fails');
    });
    const raw = await connect({ servers: server.url });

    const refusals: string[] = [];
    for (const payload of [
      new Uint8Array(0),
      new Uint8Array([0xff, 0xfe, 0x00]),
      '{"type":',
      new Uint8Array(LIMITS.messageBytes + 1).fill(0x20),
      '['.repeat(100_000),
    ]) {
      const reply = await raw.request(subject, payload);
      expect(reply.headers?.get('Nats-Service-Error-Code')).toMatch(/^4\d\d$/);
      refusals.push(reply.json<{ code: string }>().code);
      raw.publish(on.announce('n9'), payload);
      raw.publish(subject, payload);
    }
    raw.publish(on.announce('n9'), '{"fine":true}');
    await raw.flush();

    expect(refusals).toEqual([
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_TOO_LARGE',
      'MESSAGE_INVALID',
    ]);
    await vi.waitFor(() => expect(heard).toEqual([{ fine: true }]), 15_000);
    expect(bus.counters).toMatchObject({ malformed: 12, oversized: 3, handlerFailures: 1 });
    expect(await bus.request(subject, 1)).toEqual({ body: 1 });
    await Promise.all([bus.close(), raw.close()]);
  });

  test('replies that are not JSON, or errors of another service, are errors and nothing worse', async () => {
    const bus = await testBus(server.url);
    const raw = await connect({ servers: server.url });
    raw.subscribe(on.node('liar', 'info'), {
      callback: (_error, message) => void message.respond('not json'),
    });
    raw.subscribe(on.node('liar', 'jobs'), {
      callback: (_error, message) =>
        void message.respond('{"code":"__proto__","message":"x"}', { headers: errorHeaders() }),
    });
    await raw.flush();
    await expect(bus.request(on.node('liar', 'info'), {})).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
    await expect(bus.request(on.node('liar', 'jobs'), {})).rejects.toMatchObject({ code: 'INTERNAL' });
    await Promise.all([bus.close(), raw.close()]);
  });
});

describe('a server that goes away', () => {
  test('the bus comes back with its endpoints and subscriptions', async () => {
    await using own = await startNats();
    const bus = await testBus(own.url);
    await bus.serve(on.node('n1', 'info'), async () => 'here');

    await own.kill('SIGKILL');
    await vi.waitFor(() => expect(bus.connected()).toBe(false), 5_000);
    await own.start();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);

    expect(await bus.request(on.node('n1', 'info'), {})).toBe('here');
    expect(bus.counters.reconnects).toBe(1);
    await bus.close();
  });

  test('no server at all is said with its address, within the time given', async () => {
    await expect(testBus('nats://127.0.0.1:1', { connectMs: 300 })).rejects.toMatchObject({
      code: 'BUS_UNREACHABLE',
      exitCode: 6,
    });
  });

  test('wrong credentials are not tried again', async () => {
    await using own = await startNats({ config: 'authorization { user: a, password: b }' });
    await expect(testBus(own.url, { user: 'a', password: 'c' })).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
    });
    const bus = await testBus(own.url, { user: 'a', password: 'b' });
    await bus.close();
  });

  test('core NATS alone is enough for everything but records', async () => {
    await using own = await startNats({ jetstream: false });
    const bus = await testBus(own.url, { writeMs: 300 });
    await bus.serve(on.node('n1', 'info'), async () => 'here');
    expect(await bus.request(on.node('n1', 'info'), {})).toBe('here');
    await expect(bus.ready(300)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await bus.close();
  });
});

test('events are kept in the stream', async () => {
  const bus = await testBus(server.url);
  await bus.ready(5_000);
  bus.publish(on.event('job', 'web'), { specversion: '1.0', data: 1 });
  const raw = await connect({ servers: server.url });
  const manager = await jetstreamManager(raw);
  await vi.waitFor(async () => {
    const kept = await manager.streams.getMessage(on.eventStream, { last_by_subj: on.event('job', 'web') });
    expect(kept?.json()).toEqual({ specversion: '1.0', data: 1 });
  }, 15_000);
  const { config } = await manager.streams.info(on.eventStream);
  expect(config).toMatchObject({ max_bytes: LIMITS.eventStoreBytes, discard: 'old', num_replicas: 1 });
  expect(config.max_age).toBe(LIMITS.eventAgeMs * 1e6);
  await Promise.all([bus.close(), raw.close()]);
});

test('service discovery finds every agent with its endpoints', async () => {
  await using own = await startNats();
  const buses = await Promise.all(['n1', 'n2'].map((node) => testBus(own.url, { node })));
  await buses[0]!.serve(on.node('n1', 'info'), async () => ({}));
  await buses[0]!.serve(on.containerAny('web'), async () => {
    throw new GodwitError('CONTAINER_BUSY', { container: 'web', job: 'j' });
  });
  await buses[1]!.request(on.node('n1', 'info'), {});
  await buses[1]!.request(on.container('web', 'start'), {}).catch(() => undefined);

  const raw = await connect({ servers: own.url });
  const ask = async (subject: string) => {
    const answers: Record<string, unknown>[] = [];
    for await (const message of await raw.requestMany(subject, '', {
      strategy: 'stall',
      maxWait: 10_000,
      stall: 1_000,
    }))
      answers.push(message.json());
    return answers;
  };
  const pings = await ask('$SRV.PING.godwit-agent');
  expect(pings.map((ping) => ping.metadata)).toEqual(
    expect.arrayContaining([
      { node: 'n1', cluster: 'test', protocol: 'v1' },
      { node: 'n2', cluster: 'test', protocol: 'v1' },
    ]),
  );
  const id = pings.find((ping) => (ping.metadata as { node: string }).node === 'n1')?.id;
  const [stats] = await ask(`$SRV.STATS.godwit-agent.${id}`);
  expect(stats).toMatchObject({
    type: 'io.nats.micro.v1.stats_response',
    endpoints: [
      { name: 'node-info', num_requests: 1, num_errors: 0, queue_group: '' },
      { name: 'container', num_requests: 1, num_errors: 1, subject: 'godwit.v1.test.container.*.*' },
    ],
  });
  await Promise.all([...buses.map((bus) => bus.close()), raw.close()]);
});

function errorHeaders() {
  const set = headers();
  set.set('Nats-Service-Error-Code', '500');
  return set;
}
