import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Versioned } from '../../agent/bus/mod.ts';
import { recordStreamConfig } from '../../agent/bus/stores.ts';
import { subjects } from '../../protocol/mod.ts';
import { testBus, testRecord } from './support/bus.ts';
import { type NatsServer, startNats } from './support/nats.ts';
import { startValve, type Valve } from './support/valve.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await startNats();
});
afterAll(() => server.stop());

describe('records', () => {
  test('the second of two writers at one revision loses', async () => {
    const one = await testBus(server.url);
    const two = await testBus(server.url, { node: 'n2' });

    const created = await one.records.create(testRecord('race'));
    expect(created.status).toBe('ok');
    expect(await two.records.create(testRecord('race'))).toEqual({ status: 'conflict' });

    const revision = created.status === 'ok' ? created.revision : 0;
    const results = await Promise.all([
      one.records.update(testRecord('race', { owner: 'n1', epoch: 2 }), revision),
      two.records.update(testRecord('race', { owner: 'n2', epoch: 2 }), revision),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['conflict', 'ok']);
    const winner = results[0]?.status === 'ok' ? 'n1' : 'n2';
    expect((await one.records.get('race'))?.record.owner).toBe(winner);
    await Promise.all([one.close(), two.close()]);
  });

  test('a removed record is gone, cannot be written at its old revision, and can be created again', async () => {
    const bus = await testBus(server.url);
    const created = await bus.records.create(testRecord('again.v_1'));
    if (created.status !== 'ok') throw new Error(created.status);

    expect((await bus.records.remove('again.v_1', created.revision)).status).toBe('ok');
    expect(await bus.records.get('again.v_1')).toBeUndefined();
    expect((await bus.records.list()).map((each) => each.record.name)).not.toContain('again.v_1');
    expect(await bus.records.update(testRecord('again.v_1'), created.revision)).toEqual({
      status: 'conflict',
    });
    const second = await bus.records.create(testRecord('again.v_1', { epoch: 7 }));
    expect(second.status).toBe('ok');
    expect((await bus.records.list()).map((each) => each.record.name)).toContain('again.v_1');
    await bus.close();
  });

  test('a watch tells the absence, each change and the removal, in order', async () => {
    const bus = await testBus(server.url);
    const seen: (number | undefined)[] = [];
    const watch = await bus.records.watch('watched', (value: Versioned | undefined) =>
      seen.push(value?.record.epoch),
    );

    // One after the other: the server keeps one value, and one that is overwritten before it was sent is not sent any more.
    const told = (...values: typeof seen) => vi.waitFor(() => expect(seen).toEqual(values), 5_000);

    const created = await bus.records.create(testRecord('watched', { epoch: 1 }));
    if (created.status !== 'ok') throw new Error(created.status);
    await told(undefined, 1);
    const updated = await bus.records.update(testRecord('watched', { epoch: 2 }), created.revision);
    if (updated.status !== 'ok') throw new Error(updated.status);
    await told(undefined, 1, 2);
    await bus.records.remove('watched', updated.revision);
    await told(undefined, 1, 2, undefined);
    await watch.stop();
    await bus.close();
  });

  test('a value that is no record is refused by get and left out of the list', async () => {
    const bus = await testBus(server.url);
    await bus.ready(5_000);
    const raw = await connect({ servers: server.url });
    await raw.request('$KV.godwit_test_containers.garbage', new Uint8Array([0xff, 0x00, 0x7b]));

    await expect(bus.records.get('garbage')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await bus.records.create(testRecord('healthy'));
    const names = (await bus.records.list()).map((each) => each.record.name);
    expect(names).toContain('healthy');
    expect(names).not.toContain('garbage');
    expect(bus.counters.malformed).toBeGreaterThan(0);
    await Promise.all([bus.close(), raw.close()]);
  });
});

describe('a stream that nobody leads for the moment', () => {
  const config = recordStreamConfig(subjects('test'), 1);

  test('takes the write as soon as it is back, and refuses it for certain when it stays away', async () => {
    const bus = await testBus(server.url, { writeMs: 2_000 });
    await bus.ready(5_000);
    const raw = await connect({ servers: server.url });
    const manager = await jetstreamManager(raw);

    await manager.streams.delete(config.name);
    const writing = bus.records.create(testRecord('patient'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await manager.streams.add(config);
    expect((await writing).status).toBe('ok');

    await manager.streams.delete(config.name);
    await expect(bus.records.create(testRecord('refused'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await manager.streams.add(config);
    expect(await bus.records.list()).toEqual([]);
    await Promise.all([bus.close(), raw.close()]);
  });
});

describe('an answer that never comes', () => {
  let valve: Valve;
  beforeAll(async () => {
    valve = await startValve(server.port);
  });
  afterAll(() => valve.stop());

  test('a connection lost in mid-write makes the outcome unknown, and the write may have happened', async () => {
    const bus = await testBus(valve.url);
    const created = await bus.records.create(testRecord('cut'));
    if (created.status !== 'ok') throw new Error(created.status);

    valve.holdAnswers();
    const writing = bus.records.update(testRecord('cut', { owner: 'n2', epoch: 2 }), created.revision);
    await valve.nextRequest();
    valve.breakConnections();
    expect(await writing).toMatchObject({ status: 'unknown' });

    // Settled by a compare-and-swap at the revision known before: it loses, because the write did happen.
    valve.letAnswers();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 5_000);
    expect(await bus.records.update(testRecord('cut', { epoch: 1 }), created.revision)).toEqual({
      status: 'conflict',
    });
    expect((await bus.records.get('cut'))?.record).toMatchObject({ owner: 'n2', epoch: 2 });
    await bus.close();
  });

  test('silence makes the outcome unknown after the deadline', async () => {
    const bus = await testBus(valve.url, { writeMs: 300 });
    const created = await bus.records.create(testRecord('silent'));
    if (created.status !== 'ok') throw new Error(created.status);

    valve.holdAnswers();
    const result = await bus.records.update(testRecord('silent', { epoch: 2 }), created.revision);
    valve.letAnswers();

    expect(result).toMatchObject({ status: 'unknown' });
    await bus.close();
  });

  test('a write that nobody answered is sent again, and is still one write', async () => {
    const bus = await testBus(valve.url);
    const created = await bus.records.create(testRecord('twice'));
    if (created.status !== 'ok') throw new Error(created.status);

    valve.holdAnswers();
    const writing = bus.records.update(testRecord('twice', { epoch: 2 }), created.revision, 15_000);
    await valve.nextRequest();
    setTimeout(() => valve.letAnswers(), 1_000);

    expect(await writing).toEqual({ status: 'ok', revision: created.revision + 1 });
    expect((await bus.records.get('twice'))?.revision).toBe(created.revision + 1);
    await bus.close();
  });

  test('while the connection is known to be down nothing is sent, and the caller is told so', async () => {
    const bus = await testBus(valve.url);
    const created = await bus.records.create(testRecord('down'));
    if (created.status !== 'ok') throw new Error(created.status);

    valve.refuse();
    await vi.waitFor(() => expect(bus.connected()).toBe(false), 5_000);
    await expect(
      bus.records.update(testRecord('down', { epoch: 2 }), created.revision),
    ).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    valve.accept();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 5_000);

    expect((await bus.records.get('down'))?.revision).toBe(created.revision);
    await bus.close();
  });
});
