import type { Duplex } from 'node:stream';

/**
 * What a stream carries; part of its handshake. `control` carries nothing: its end tells that the peer has died. `round`:
 * the pages of one pre-dump; `pagemaps`: where they belong, back to the source. `pages`, `lazy`: the final dump's. `rootfs`: what
 * two rsyncs say to each other; `listing`: what the target's copy has to be like, and its verdict. `frames`: what the network
 * sends to the container while it stands still.
 */
export const STREAM_KINDS = [
  'control',
  'images',
  'round',
  'pagemaps',
  'pages',
  'lazy',
  'rootfs',
  'listing',
  'frames',
] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

/** Names one stream of one job; `token` is the one-time secret from `prepare`. */
export interface StreamId {
  readonly job: string;
  readonly kind: StreamKind;
  /** The round, for those of a pre-copy; for `rootfs` see agent/rootfs/rsync.ts; 0 otherwise. */
  readonly index: number;
}

/**
 * One authenticated stream between two agents, as a byte duplex with back-pressure. Ending the writable side is
 * seen as `end` by the peer; destroying it with an error is seen as an error by the peer. A connection that breaks is
 * replaced by another one, unseen from here; only when that does not work in time the stream breaks. A chunk that was
 * written must not be changed any more, not even after its callback: it may have to be sent again.
 */
export interface DataStream extends Duplex {
  readonly id: StreamId;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** The two addresses, for messages; source is the end that opened the stream. */
  readonly ends?: StreamEnds | undefined;
}

/** The two ends of a stream as `address:port`, for messages and logs. */
export interface StreamEnds {
  readonly source: string;
  readonly target: string;
}

/** What a data port has seen since it was opened. */
export interface DataPortCounters {
  /** Streams whose handshake was accepted. */
  readonly streamsAccepted: number;
  /** Connections that took the place of another one of their stream. */
  readonly streamsResumed: number;
  /** Connections dropped before they were streams: garbage, wrong token, too slow, too many. */
  readonly handshakesRefused: number;
}

/**
 * The agent's data port (DESIGN section 7): one TCP port, framed streams behind a handshake, each of which survives a
 * broken connection.
 */
export interface DataPort {
  readonly port: number;
  readonly counters: DataPortCounters;
  /** Lets the holder of `token` open streams of this job, until `forbid`. */
  permit(job: string, token: string): void;
  /**
   * Every job that was under way here is known again: from now on a peer is told when its job is not, and may take that
   * for the truth. Before, it is told to come back.
   */
  settle(): void;
  /** Ends the job's streams at once and forgets its token. */
  forbid(job: string, reason: string): void;
  /**
   * The stream with this id, once; waits for it. Rejects when the signal aborts, or when the job is not permitted
   * (any more). @throws GodwitError TRANSFER_FAILED
   */
  accept(id: StreamId, signal: AbortSignal): Promise<DataStream>;
  /**
   * The next stream of this kind that nobody has asked for, whatever its index; waits for it. Who asks for one by its
   * index comes first. Rejects like `accept`. @throws GodwitError TRANSFER_FAILED
   */
  acceptNext(job: string, kind: StreamKind, signal: AbortSignal): Promise<DataStream>;
  /** Connects to a peer's data port. @throws GodwitError TRANSFER_FAILED */
  open(
    peer: { readonly host: string; readonly port: number; readonly token: string },
    id: StreamId,
    signal: AbortSignal,
  ): Promise<DataStream>;
  close(): Promise<void>;
}

/** Counts and limits bytes; shared by all streams of a job so that the limit is the job's. */
export interface Meter {
  readonly bytes: number;
  /** Exponentially weighted rate. */
  readonly rateBytesPerSecond: number;
  setLimit(bytesPerSecond: number | undefined): void;
  /** Waits until `bytes` may pass, then counts them. */
  pass(bytes: number, signal?: AbortSignal): Promise<void>;
  /** Counts `bytes` and says true if they may pass now; false changes nothing: then {@link pass} is to be used. */
  tryPass(bytes: number): boolean;
}
