import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  type StartedTestContainer,
} from 'testcontainers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { CasResult, NatsBus, Versioned } from '../../agent/bus/mod.ts';
import { serverConfigText } from '../../agent/bus/server-config.ts';
import { NATS_PORTS, planTopology } from '../../agent/bus/topology.ts';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { subjects } from '../../protocol/mod.ts';
import { testBus, testRecord } from './support/bus.ts';
import { type Engine, startEngine } from './support/engine.ts';
import { freePorts } from './support/ports.ts';

const NAMES = ['nats1', 'nats2', 'nats3'];
const on = subjects('test');

let engine: Engine;
let network: StartedNetwork;
let members: StartedTestContainer[];
let buses: NatsBus[];

beforeAll(async () => {
  engine = await startEngine();
  network = await new Network().start();
  const ports = await freePorts(NAMES.length);
  members = await Promise.all(NAMES.map((name, i) => member(name, ports[i]!).start()));
  const urls = ports.map((port) => `nats://127.0.0.1:${port}`);
  buses = await Promise.all(
    NAMES.map((_, i) =>
      // Each agent prefers its own server and knows the others, as on three nodes.
      testBus([...urls.slice(i), ...urls.slice(0, i)], {
        node: `n${i + 1}`,
        recordReplicas: 3,
        writeMs: 2_000,
      }),
    ),
  );
  await Promise.all(buses.map((bus) => bus.ready(30_000)));
}, 1_000_000);

afterAll(async () => {
  await Promise.allSettled((buses ?? []).map((bus) => bus.close()));
  await Promise.allSettled((members ?? []).map((each) => each.stop()));
  await network?.stop().catch(() => undefined);
  await engine?.down();
}, 120_000);

/** A server with the configuration that godwit writes for a node of three. */
function member(name: string, port: number): GenericContainer {
  const config = serverConfigText({
    cluster: 'test',
    node: name,
    listen: '0.0.0.0',
    address: name,
    ports: NATS_PORTS,
    dir: '/srv',
    topology: planTopology(NAMES, { address: name, node: name }),
    version: [2, 10],
  });
  return new GenericContainer(engine.image)
    .withNetwork(network)
    .withNetworkAliases(name)
    .withExposedPorts({ container: NATS_PORTS.client, host: port })
    .withCopyContentToContainer([{ content: config, target: '/etc/godwit-nats.conf' }])
    .withCommand(['nats-server', '-c', '/etc/godwit-nats.conf']);
}

test.each([
  ['stops', 'stop', 'start'],
  ['is killed', 'kill', 'start'],
  ['hangs', 'pause', 'unpause'],
] as const)(
  'requests and records go on while a member %s and comes back, each member in turn',
  async (_what, leave, back) => {
    const served = await Promise.all(
      buses.map((bus, i) => bus.serve(on.node(`n${i + 1}`, 'info'), async () => i + 1)),
    );
    for (const [i, container] of members.entries()) {
      const docker = await dockerOf(container);
      let current = await currentOf(`moving-${leave}`, i);

      await docker[leave]();
      try {
        // Every agent still writes and is still heard, the one whose server is gone included.
        for (const bus of buses) current = await write(bus, `moving-${leave}`, current);
        await vi.waitFor(async () => expect(await answers()).toEqual([1, 2, 3]), {
          timeout: 30_000,
          interval: 200,
        });
      } finally {
        await docker[back]();
      }
      await vi.waitFor(() => expect(buses.every((bus) => bus.connected())).toBe(true), 30_000);
      current = await write(buses[i]!, `moving-${leave}`, current);
    }
    await Promise.all(served.map((each) => each.stop()));
  },
  240_000,
);

test('two members gone: writes are refused or unknown, none is lost or doubled when they are back', async () => {
  const before = await currentOf('quorum', 0);
  const [, second, third] = await Promise.all(members.map((each) => dockerOf(each)));

  await Promise.all([second!.stop(), third!.stop()]);
  let outcome: CasResult['status'] | 'refused';
  try {
    outcome = await buses[0]!.records
      .update(testRecord('quorum', { epoch: before.record.epoch + 1 }), before.revision)
      .then(
        (result) => result.status,
        () => 'refused',
      );
  } finally {
    await Promise.all([second!.start(), third!.start()]);
  }

  expect(['refused', 'unknown']).toContain(outcome);
  const after = await write(buses[2]!, 'quorum', before);
  // The write whose outcome was unknown has happened or has not; the revisions leave room for nothing else.
  expect(after.record.epoch - before.record.epoch).toBeLessThanOrEqual(2);
  expect(after.record.epoch).toBeGreaterThan(before.record.epoch);
}, 240_000);

async function dockerOf(container: StartedTestContainer) {
  return (await getContainerRuntimeClient()).container.getById(container.getId());
}

/** What each node answers, asked by the next one. */
async function answers(): Promise<unknown[]> {
  return await Promise.all(
    buses.map((_, i) =>
      buses[(i + 1) % buses.length]!.request(on.node(`n${i + 1}`, 'info'), {}, { timeoutMs: 1_000 }).catch(
        () => undefined,
      ),
    ),
  );
}

async function currentOf(name: string, via: number): Promise<Versioned> {
  const records = buses[via]!.records;
  return await settle(async () => {
    const present = await records.get(name);
    if (present) return present;
    const created = await records.create(testRecord(name));
    return created.status === 'ok' ? { record: testRecord(name), revision: created.revision } : undefined;
  });
}

/** As an agent writes: what was refused is tried again, what is unknown is settled by reading at a known revision. */
async function write(bus: NatsBus, name: string, from: Versioned): Promise<Versioned> {
  let base = from;
  return await settle(async () => {
    const next = testRecord(name, { epoch: base.record.epoch + 1 });
    const result = await bus.records.update(next, base.revision);
    if (result.status === 'ok') return { record: next, revision: result.revision };
    const now = await bus.records.get(name);
    if (!now) return undefined;
    if (now.revision !== base.revision && now.record.epoch === next.epoch) return now;
    base = now;
    return undefined;
  });
}

/** Tries until there is a value; a store that cannot be reached for the moment is tried again. */
async function settle<T>(act: () => Promise<T | undefined>): Promise<T> {
  const untilMs = performance.now() + 60_000;
  for (;;) {
    try {
      const value = await act();
      if (value !== undefined) return value;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
    if (performance.now() > untilMs) throw new Error('not settled within a minute');
    await systemClock.sleep(100);
  }
}
