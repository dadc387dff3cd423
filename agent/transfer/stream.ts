import type { Duplex } from 'node:stream';

/** What a stream carries; part of its handshake. */
export type StreamKind = 'images' | 'pages' | 'lazy';

/** Names one stream of one job; `token` is the one-time secret from `prepare`. */
export interface StreamId {
  readonly job: string;
  readonly kind: StreamKind;
  /** 0, or the round for page-server rounds. */
  readonly index: number;
}

/**
 * One authenticated stream between two agents, as a byte duplex with back-pressure. Ending the writable side is
 * seen as `end` by the peer; destroying it with an error is seen as an error by the peer.
 */
export interface DataStream extends Duplex {
  readonly id: StreamId;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/**
 * The agent's data port (DESIGN section 7): one TCP port, framed streams behind a handshake. Frames carry a sequence
 * number (byte offset), so that a broken stream can be resumed.
 */
export interface DataPort {
  readonly port: number;
  /** Lets the holder of `token` open streams of this job, until `forbid`. */
  permit(job: string, token: string): void;
  /** Ends the job's streams at once and forgets its token. */
  forbid(job: string, reason: string): void;
  /** The next stream with this id; rejects when the signal aborts or the job is forbidden. */
  accept(id: StreamId, signal: AbortSignal): Promise<DataStream>;
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
}
