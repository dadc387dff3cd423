import type { NatsConnection } from '@nats-io/transport-node';
import { LIMITS } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { BusAlarm, BusCounters, BusLog } from './options.ts';

/** The connection and what every part of the bus shares with it. */
export interface Link {
  readonly nc: NatsConnection;
  readonly clock: Clock;
  readonly log: BusLog;
  readonly counters: BusCounters;
  readonly inboxPrefix: string;
  readonly alarm: (alarm: BusAlarm) => void;
  /** False between a lost connection and the next one. */
  connected(): boolean;
  /** Calls `lost` when the connection breaks; the returned function forgets it. */
  onLost(lost: () => void): () => void;
}

/** The largest message that may be sent now: ours or the server's limit, whichever is smaller. */
export function maxBytes(link: Link): number {
  return Math.min(LIMITS.messageBytes, link.nc.info?.max_payload ?? LIMITS.messageBytes);
}

/** Own inboxes per node, so that permissions can keep a node from reading another's replies. */
export function inboxPrefixOf(node: string): string {
  return `_INBOX_${node}`;
}

/** Fresh counters. */
export function newCounters(): BusCounters {
  return { malformed: 0, oversized: 0, handlerFailures: 0, secondAnswers: 0, reconnects: 0 };
}
