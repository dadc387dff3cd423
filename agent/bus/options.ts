import type { Logger } from 'pino';
import type { Clock } from '../effects/clock.ts';

/** What the bus needs of the agent's logger. */
export type BusLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Files of a TLS client (PEM); `first`: the handshake comes before the server's greeting. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly first?: boolean;
}

/** Who the agent is on NATS; the same things that the `nats` command takes from NATS_CREDS, NATS_NKEY, … */
export interface Credentials {
  readonly credsFile?: string;
  readonly nkeyFile?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly tls?: TlsFiles;
}

export interface BusOptions extends Credentials {
  /** URLs of NATS servers; any of them will do. */
  readonly servers: readonly string[];
  readonly node: string;
  readonly cluster: string;
  /** The agent's version (SemVer), shown by NATS' service discovery. */
  readonly version: string;
  /** Copies of records and events: 1, or 3 where three servers or more run JetStream. */
  readonly recordReplicas: number;
  readonly clock: Clock;
  readonly log: BusLog;
  /** How long the first connection may take. */
  readonly connectMs?: number;
  /** How long one write of a record may take before its outcome counts as unknown. */
  readonly writeMs?: number;
  /** Called when the bus sees that an invariant of the cluster is broken. */
  readonly alarm?: (alarm: BusAlarm) => void;
}

/** Two nodes answered one question that only the owner of a container answers. */
export interface BusAlarm {
  readonly kind: 'two-owners';
  readonly subject: string;
}

/** What went wrong on this connection so far. */
export interface BusCounters {
  /** Incoming messages that are not JSON. */
  malformed: number;
  /** Incoming messages over the limit. */
  oversized: number;
  /** Subscription handlers that threw. */
  handlerFailures: number;
  /** Container requests that two nodes answered. */
  secondAnswers: number;
  reconnects: number;
}
