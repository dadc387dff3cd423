import type { NatsConnection } from '@nats-io/transport-node';
import { LIMITS, type Subjects, subjects as subjectsOf } from '../../protocol/mod.ts';
import { encodeBody } from './body.ts';
import type { Bus, Stoppable } from './bus.ts';
import { openConnection } from './connection.ts';
import { answerDiscovery } from './discovery.ts';
import { createEndpoints, type Endpoints } from './endpoints.ts';
import { consumeEvents, type EventConsumer } from './event-consumer.ts';
import { gather } from './gather.ts';
import { inboxPrefixOf, type Link, maxBytes, newCounters } from './link.ts';
import type { BusCounters, BusOptions } from './options.ts';
import { createRecords } from './records.ts';
import { request } from './request.ts';
import { answer, serve, subscribe } from './serve.ts';
import { openStores, type Stores } from './stores.ts';

const DRAIN_MS = 1_000;

/** The bus on NATS, with what only an agent's start and its metrics need. */
export interface NatsBus extends Bus {
  /**
   * Resolves when records and events can be kept.
   * @throws GodwitError STORE_UNAVAILABLE after `deadlineMs`; it is tried on in the background
   */
  ready(deadlineMs: number): Promise<void>;
  readonly counters: Readonly<BusCounters>;
  /** Reads the cluster's events under a name that is remembered; see EventConsumer. */
  consumeEvents(consumer: EventConsumer): Stoppable;
  connected(): boolean;
}

/**
 * Connects to NATS, answers service discovery, and starts to make the record bucket and the event stream.
 * @throws GodwitError BUS_UNREACHABLE, NOT_ALLOWED, NAME_INVALID
 */
export async function connectBus(options: BusOptions): Promise<NatsBus> {
  const subjects = subjectsOf(options.cluster);
  const nc = await openConnection(options);
  const link = followConnection(nc, options);
  const endpoints = createEndpoints();
  await answerDiscovery(link, {
    id: `${options.node}-${options.clock.nowMs().toString(36)}`,
    version: options.version,
    metadata: { node: options.node, cluster: options.cluster, protocol: 'v1' },
    startedAtMs: options.clock.nowMs(),
    endpoints,
  });
  return busOn(link, subjects, endpoints, openStores(link, subjects, options.recordReplicas), options);
}

function busOn(
  link: Link,
  subjects: Subjects,
  endpoints: Endpoints,
  stores: Stores,
  options: BusOptions,
): NatsBus {
  return {
    publish: (subject, body) => publish(link, subject, body),
    request: (subject, body, limits) => request(link, subject, body, limits?.timeoutMs),
    gather: (subject, body, limits) => gather(link, subject, body, limits),
    serve: (subject, handler) => serve(link, subject, handler, endpoints.of(subject)),
    answer: (subject, handler) => answer(link, subject, handler, endpoints.of(subject)),
    subscribe: (subject, handler, limits) => subscribe(link, subject, handler, limits),
    records: createRecords({ link, subjects, stores, writeMs: options.writeMs ?? LIMITS.requestMs }),
    consumeEvents: (consumer) => consumeEvents(link, subjects, consumer),
    ready: (deadlineMs) => stores.ready(deadlineMs),
    counters: link.counters,
    connected: () => link.connected(),
    close: async () => {
      stores.stop();
      await closeConnection(link);
    },
  };
}

/** The link of a connection: follows whether it is up, and logs each change once. */
function followConnection(nc: NatsConnection, options: BusOptions): Link {
  const counters = newCounters();
  const losers = new Set<() => void>();
  let up = true;
  const lose = () => {
    up = false;
    for (const lost of [...losers]) lost();
  };
  const follow = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        if (up) options.log.warn({ server: status.server }, 'the connection to NATS was lost');
        lose();
      } else if (status.type === 'reconnect') {
        up = true;
        counters.reconnects += 1;
        options.log.info({ server: status.server }, 'connected to NATS again');
      } else if (status.type === 'error') {
        options.log.error({ err: status.error }, 'NATS reported an error');
      }
    }
  };
  void follow();
  void nc.closed().then((error) => {
    lose();
    if (error) options.log.error({ err: error }, 'the connection to NATS is closed');
  });
  return {
    nc,
    clock: options.clock,
    log: options.log,
    counters,
    inboxPrefix: inboxPrefixOf(options.node),
    alarm: options.alarm ?? (() => undefined),
    connected: () => up,
    onLost: (lost) => {
      losers.add(lost);
      return () => losers.delete(lost);
    },
  };
}

/** Fire and forget: while the agent stops, nobody is left to tell. */
function publish(link: Link, subject: string, body: unknown): void {
  const data = encodeBody(body, maxBytes(link));
  if (!link.nc.isClosed() && !link.nc.isDraining()) link.nc.publish(subject, data);
}

/** What was published reaches the server if it is there; a broken or hanging connection is simply dropped. */
async function closeConnection(link: Link): Promise<void> {
  const late = new AbortController();
  if (link.connected() && !link.nc.isClosed())
    await Promise.race([
      link.nc.drain().catch(() => undefined),
      link.clock.sleep(DRAIN_MS, late.signal).catch(() => undefined),
    ]);
  late.abort();
  await link.nc.close();
}
