import type { ContainerRecord } from '../../protocol/mod.ts';

/** Stops a subscription or service endpoint. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** A message handed to a handler: already JSON-decoded, not yet checked against its schema. */
export interface Incoming {
  readonly subject: string;
  readonly body: unknown;
}

/**
 * The bus as the agent sees it; NATS in production, simulated in test/simulation. Bodies are plain JSON values.
 * Errors a peer answers arrive as the GodwitError it threw.
 */
export interface Bus {
  publish(subject: string, body: unknown): void;
  /**
   * @throws GodwitError BUS_TIMEOUT; whatever the responder answered; and, when nobody listens, NODE_NOT_FOUND,
   * CONTAINER_NOT_FOUND or JOB_NOT_FOUND according to the subject's family
   */
  request(subject: string, body: unknown, options?: { readonly timeoutMs?: number }): Promise<unknown>;
  /** Scatter request: all replies that come within `maxWaitMs`, ended early when `enough` says so. */
  gather(
    subject: string,
    body: unknown,
    options: {
      readonly maxWaitMs: number;
      /** Ended early when no reply came for so long after the last one. */
      readonly stallMs?: number;
      readonly enough?: (replies: readonly unknown[]) => boolean;
    },
  ): Promise<unknown[]>;
  /** Answers requests; what the handler throws travels as an error reply. */
  serve(subject: string, handler: (message: Incoming) => Promise<unknown>): Promise<Stoppable>;
  /** The same for questions to many, of whom those that give undefined, or fail, say nothing. */
  answer(subject: string, handler: (message: Incoming) => Promise<unknown>): Promise<Stoppable>;
  /** @param limits `max`: the server itself ends the subscription after so many messages */
  subscribe(
    subject: string,
    handler: (message: Incoming) => void,
    limits?: { readonly max?: number },
  ): Promise<Stoppable>;
  readonly records: Records;
  close(): Promise<void>;
}

/** A record with the revision it was read or written at. */
export interface Versioned {
  readonly record: ContainerRecord;
  readonly revision: number;
}

/**
 * The outcome of a compare-and-swap. `unknown`: the write was sent and no answer came; it may have been applied, and
 * may still be. The caller settles it by another CAS at a known revision (DESIGN section 6), never by a guess.
 */
export type CasResult =
  | { readonly status: 'ok'; readonly revision: number }
  | { readonly status: 'conflict' }
  | { readonly status: 'unknown'; readonly problem: string };

/** Container records in the KV bucket. Decide from CAS results, never from a plain `get` (reads may be stale). */
export interface Records {
  /** @throws GodwitError STORE_UNAVAILABLE */
  get(name: string): Promise<Versioned | undefined>;
  list(): Promise<Versioned[]>;
  create(record: ContainerRecord): Promise<CasResult>;
  /** `patienceMs`: how long the store may be without a leader; the usual time for a request without it. */
  update(record: ContainerRecord, revision: number, patienceMs?: number): Promise<CasResult>;
  remove(name: string, revision: number): Promise<CasResult>;
  /** Calls `changed` for the present value and for changes (undefined: deleted), the last of all in any case. */
  watch(name: string, changed: (value: Versioned | undefined) => void): Promise<Stoppable>;
}
