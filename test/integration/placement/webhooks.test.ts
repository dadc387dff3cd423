import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Stoppable } from '../../../agent/bus/bus.ts';
import type { NatsBus } from '../../../agent/bus/mod.ts';
import type { WebhookConfig } from '../../../agent/config/webhooks.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { forwardEvents } from '../../../agent/webhooks/forward.ts';
import { webhookHeaders } from '../../../agent/webhooks/signature.ts';
import { subjects } from '../../../protocol/mod.ts';
import { testBus } from '../support/bus.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const PATIENCE = { timeout: 60_000, interval: 20 };

let nats: NatsServer;
let bus: NatsBus;
let client: NatsConnection;
let manager: JetStreamManager;
let receiver: Receiver;
const forwarding: Stoppable[] = [];
let count = 0;
const dir = mkdtempSync(join(tmpdir(), 'godwit-webhook-'));
const secretFile = join(dir, 'secret');

beforeAll(async () => {
  writeFileSync(secretFile, 'a secret\n');
  nats = await startNats();
  bus = await testBus(nats.url);
  await bus.ready(30_000);
  client = await connect({ servers: nats.url });
  manager = await jetstreamManager(client);
});
beforeEach(async () => {
  count += 1;
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const one of forwarding.splice(0)) await one.stop();
  await receiver.stop();
});
afterAll(async () => {
  await client?.close();
  await bus?.close();
  await nats?.stop();
  rmSync(dir, { recursive: true });
});

/** An agent's forwarder; resolves when the event stream knows it, for only later events are its own. */
async function forward(change: Partial<WebhookConfig> = {}, ofAgent = bus): Promise<void> {
  const webhook = { name: `w${count}`, url: receiver.url, progress: false, ...change };
  const log = pino({ level: process.env.GODWIT_TEST_LOG ?? 'silent' });
  forwarding.push(forwardEvents({ bus: ofAgent, clock: systemClock, log, version: '1.2.3' }, webhook));
  const known = () =>
    manager.consumers.info(subjects('test').eventStream, `webhook-${webhook.name}`).then(
      () => true,
      () => false,
    );
  await expect.poll(known, PATIENCE).toBe(true);
}

function publish(id: string, topic = 'job', data: object = { event: 'phase' }): void {
  bus.publish(subjects('test').event(topic, id), {
    specversion: '1.0',
    id,
    source: 'godwit.v1.test.node.n1',
    type: `io.godwit.v1.event.${topic}`,
    time: new Date().toISOString(),
    subject: id,
    datacontenttype: 'application/json',
    data,
  });
}

const ids = () => receiver.received.map(({ body }) => (JSON.parse(body) as { id: string }).id);

it('delivers every event in its order, however often the server fails', async () => {
  receiver.fail(503, 'break', 404);
  await forward();
  for (const id of ['a', 'b', 'c']) publish(id);
  await expect.poll(() => ids().at(-1), PATIENCE).toBe('c');
  expect(ids()).toEqual(['a', 'a', 'a', 'a', 'b', 'c']);
});

it('sends what CloudEvents and Standard Webhooks want, signed', async () => {
  await forward({ secretFile });
  publish('signed');
  await expect.poll(ids, PATIENCE).toEqual(['signed']);
  const { headers, body, path } = receiver.received[0]!;
  expect(path).toBe('/godwit');
  expect(headers).toMatchObject({
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'user-agent': 'godwit-agent/1.2.3',
  });
  expect(JSON.parse(body)).toMatchObject({ specversion: '1.0', id: 'signed', data: { event: 'phase' } });
  const seconds = Number(headers['webhook-timestamp']);
  expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(600);
  expect(headers).toMatchObject(webhookHeaders({ id: 'signed', seconds, body }, 'a secret'));
});

it('gives up what the server will never take, and goes on with the next', async () => {
  receiver.fail(422);
  await forward();
  publish('bad');
  publish('good');
  await expect.poll(ids, PATIENCE).toEqual(['bad', 'good']);
});

it('leaves out other topics, and each step of a job unless it is asked for', async () => {
  await forward({ topics: ['job'] });
  publish('health', 'health');
  publish('step', 'job', { event: 'progress' });
  bus.publish(subjects('test').event('job', 'junk'), 'no event');
  publish('end', 'job', { event: 'ended' });
  await expect.poll(() => ids().length, PATIENCE).toBeGreaterThan(0);
  expect(ids()).toEqual(['end']);
  const all = await startReceiver();
  await forward({ name: `all${count}`, url: all.url, progress: true });
  publish('step2', 'job', { event: 'progress' });
  await expect.poll(() => all.received.length, PATIENCE).toBe(1);
  await all.stop();
});

it('agents share a webhook: each event comes once, and one that stops leaves its place to the others', async () => {
  const other = await testBus(nats.url, { node: 'n2' });
  try {
    await forward();
    await forward({}, other);
    const sent = Array.from({ length: 20 }, (_, index) => `e${index}`);
    for (const id of sent.slice(0, 10)) publish(id);
    await expect.poll(ids, PATIENCE).toEqual(sent.slice(0, 10));
    await forwarding.shift()?.stop();
    for (const id of sent.slice(10)) publish(id);
    await expect.poll(ids, PATIENCE).toEqual(sent);
  } finally {
    for (const one of forwarding.splice(0)) await one.stop();
    await other.close();
  }
});

it('what happens while no agent is there is delivered afterwards', async () => {
  await forward();
  for (const one of forwarding.splice(0)) await one.stop();
  publish('missed');
  await forward();
  await expect.poll(ids, PATIENCE).toEqual(['missed']);
});
