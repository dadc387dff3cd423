import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  type NatsPorts,
  startEmbeddedServer,
} from '../../agent/bus/mod.ts';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { subjects } from '../../protocol/mod.ts';
import { quietLog, testBus, testRecord } from './support/bus.ts';
import { natsServerBin } from './support/nats.ts';
import { freePorts } from './support/ports.ts';

const on = subjects('test');
let dir: string;
let ports: NatsPorts;
const running: EmbeddedServer[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-embedded-'));
  const [client, cluster, leaf] = await freePorts(3);
  ports = { client: client!, cluster: cluster!, leaf: leaf! };
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  rmSync(dir, { recursive: true, force: true });
});

/** The server of the node at 127.0.0.<10 + number>; loopback has many addresses. */
async function start(
  number: number,
  of: number,
  change: Partial<EmbeddedServerOptions> = {},
): Promise<EmbeddedServer> {
  const hosts = Array.from({ length: of }, (_, i) => addressOf(i + 1));
  const server = await startEmbeddedServer({
    cluster: 'test',
    node: `n${number}`,
    address: addressOf(number),
    listen: addressOf(number),
    join: hosts,
    dir: dirOf(number),
    ports,
    binary: natsServerBin(),
    runner: createRunner(),
    clock: systemClock,
    log: quietLog,
    ...change,
  });
  running.push(server);
  return server;
}

/** Also when one fails, the others are known to the clean-up. */
async function startAll(
  count: number,
  delaysMs: readonly number[] = [],
  change: Partial<EmbeddedServerOptions> = {},
): Promise<EmbeddedServer[]> {
  const starts = Array.from({ length: count }, async (_, i) => {
    await systemClock.sleep(delaysMs[i] ?? 0);
    return await start(i + 1, count, change);
  });
  await Promise.allSettled(starts);
  return await Promise.all(starts);
}

const addressOf = (number: number) => `127.0.0.${10 + number}`;
const dirOf = (number: number) => join(dir, `n${number}`);
const pidOf = (number: number) => Number(readFileSync(join(dirOf(number), 'server.pid'), 'utf8'));

describe('one server', () => {
  test('keeps records, and comes back with them when it dies', async () => {
    const server = await start(1, 0);
    const bus = await testBus(server.url, { recordReplicas: server.replicas });
    expect((await bus.records.create(testRecord('kept'))).status).toBe('ok');

    process.kill(pidOf(1), 'SIGKILL');
    await vi.waitFor(() => expect(bus.connected()).toBe(false), 15_000);
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 15_000);

    expect((await bus.records.list()).map((each) => each.record.name)).toEqual(['kept']);
    await bus.close();
  });

  test('stop leaves no process and a free port', async () => {
    const server = await start(1, 0);
    const pid = pidOf(1);
    await server.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await start(1, 0);
  });

  describe('that a killed agent left behind', () => {
    /** What is left of an agent that was killed: its server, in a session of its own. */
    async function orphan(): Promise<number> {
      await (await start(1, 0)).stop();
      const config = join(dirOf(1), 'server.conf');
      spawn(natsServerBin(), ['-c', config], { detached: true, stdio: 'ignore' }).unref();
      await vi.waitFor(() => expect(pidOf(1)).toBeGreaterThan(1), 15_000);
      return pidOf(1);
    }

    test('is taken over, kept running and stopped as its own', async () => {
      const left = await orphan();
      const server = await start(1, 0);
      expect(pidOf(1)).toBe(left);

      process.kill(left, 'SIGKILL');
      await vi.waitFor(() => expect(pidOf(1)).not.toBe(left), 15_000);
      const bus = await testBus(server.url);
      expect(await bus.records.list()).toEqual([]);
      await bus.close();
      await server.stop();
    });

    test('is ended by `stop`', async () => {
      const left = await orphan();
      await (await start(1, 0)).stop();
      await vi.waitFor(() => expect(() => process.kill(left, 0)).toThrow('ESRCH'), 15_000);
    });

    test('is replaced when it has other settings', async () => {
      const left = await orphan();
      await start(1, 0, { node: 'renamed' });
      expect(pidOf(1)).not.toBe(left);
      expect(() => process.kill(left, 0)).toThrow('ESRCH');
    });
  });

  test('a port that another program holds is named', async () => {
    const other = createServer().listen(ports.client, addressOf(1));
    await expect(start(1, 0)).rejects.toMatchObject({
      code: 'HOST_FAILED',
      message: expect.stringContaining(`port ${ports.client} on ${addressOf(1)} is taken`),
    });
    other.close();
  });

  test('a missing binary is named with its cure', async () => {
    await expect(start(1, 0, { binary: '/nonexistent/nats-server' })).rejects.toMatchObject({
      code: 'HOST_FAILED',
      message: expect.stringContaining('install the package nats-server'),
    });
  });
});

describe('two servers', () => {
  test('the second is a leaf of the first: everything works from both, the records live on one', async () => {
    const [one, two] = await startAll(2);
    expect(two!.notes).toContain('two nodes: the records live on 127.0.0.11 only');
    const n1 = await testBus(one!.url);
    const n2 = await testBus(two!.url, { node: 'n2' });
    await n2.ready(30_000);
    await n1.serve(on.node('n1', 'info'), async () => 'n1');

    await vi.waitFor(async () => expect(await n2.request(on.node('n1', 'info'), {})).toBe('n1'), 15_000);
    expect((await n2.records.create(testRecord('two'))).status).toBe('ok');
    expect((await n1.records.get('two'))?.record.name).toBe('two');
    await Promise.all([n1.close(), n2.close()]);
  });
});

describe('three servers', () => {
  test('keep the records together, also when they do not start at once and when one is killed', async () => {
    const warnings: unknown[][] = [];
    const log = { ...quietLog, warn: (...words: unknown[]) => void warnings.push(words) };
    const servers = await startAll(3, [0, 300, 700], { log });
    const buses = await Promise.all(
      servers.map((server, i) => testBus(server.url, { node: `n${i + 1}`, recordReplicas: server.replicas })),
    );
    await Promise.all(buses.map((bus) => bus.ready(30_000)));
    // Each has waited for the others: alone it would have lost the first election.
    expect(warnings).toEqual([]);

    const created = await buses[0]!.records.create(testRecord('three'));
    if (created.status !== 'ok') throw new Error(created.status);
    let revision = created.revision;
    process.kill(pidOf(3), 'SIGKILL');
    for (let epoch = 2; epoch < 5; epoch += 1) {
      revision = await updateUntilSettled(buses[epoch % 2]!, epoch, revision);
    }
    await vi.waitFor(
      async () => expect((await buses[2]!.records.get('three'))?.record.epoch).toBe(4),
      30_000,
    );
    await updateUntilSettled(buses[2]!, 5, revision);
    expect((await buses[0]!.records.get('three'))?.record.epoch).toBe(5);
    await Promise.all(buses.map((bus) => bus.close()));
  });

  test('a fourth node comes in as a leaf', async () => {
    const servers = await startAll(4);
    const n4 = await testBus(servers[3]!.url, { node: 'n4', recordReplicas: servers[3]!.replicas });
    await n4.ready(30_000);
    expect((await n4.records.create(testRecord('far'))).status).toBe('ok');
    await n4.close();
  });
});

/** As an agent does it: an unknown outcome is settled by a compare-and-swap at the revision known before. */
async function updateUntilSettled(
  bus: Awaited<ReturnType<typeof testBus>>,
  epoch: number,
  revision: number,
): Promise<number> {
  for (;;) {
    const result = await bus.records
      .update(testRecord('three', { epoch }), revision)
      .catch(() => ({ status: 'unknown' as const }));
    if (result.status === 'ok') return result.revision;
    const now = await bus.records.get('three').catch(() => undefined);
    if (now?.record.epoch === epoch) return now.revision;
    await systemClock.sleep(100);
  }
}
