import type { Socket } from 'node:net';
import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';
import { asTransferFailure, transferFailed } from './failure.ts';
import { pump } from './pump.ts';
import type { DataStream, Meter } from './stream.ts';

/** See RelayOptions.beforeClose. */
export type BeforeClose = (error: unknown) => Promise<void>;

/** What a relay has moved. */
export interface RelayBytes {
  /** From the local criu to the peer. */
  readonly sent: number;
  /** From the peer to the local criu. */
  readonly received: number;
}

interface JoinOptions {
  readonly meter: Meter;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly beforeClose?: BeforeClose;
}

/**
 * Joins a connection of the local criu with a stream until both directions have ended. When anything breaks, the
 * stream is destroyed at once (the peer must know), the local connection only after `beforeClose`.
 */
export async function join(
  local: Socket,
  open: () => Promise<DataStream>,
  options: JoinOptions,
): Promise<RelayBytes> {
  let stream: DataStream | undefined;
  try {
    stream = await open();
    await exchange(local, stream, options);
    return { sent: stream.bytesSent, received: stream.bytesReceived };
  } catch (error) {
    const failure = asTransferFailure(error, 'relay to criu', stream);
    stream?.destroy(failure);
    await closeLocal(local, options, failure);
    throw options.signal.aborted ? options.signal.reason : failure;
  }
}

async function exchange(local: Socket, stream: DataStream, options: JoinOptions): Promise<void> {
  const { meter, clock, beforeClose } = options;
  const broken = new AbortController();
  const signal = AbortSignal.any([options.signal, broken.signal]);
  let cancelGrace = (): void => {};
  const early = (): void =>
    broken.abort(transferFailed('the peer ended while criu still needed it', stream.ends));
  const onStreamEnd = (): void => {
    if (beforeClose === undefined || local.readableEnded) {
      local.end();
      return;
    }
    // The peer's criu may have died, which looks like an end from here. One that was done has told the local criu so,
    // and then that one closes by itself; until it does, it must not see the end.
    local.once('end', () => local.end());
    cancelGrace = clock.after(LIMITS.relayGraceMs, early);
  };
  try {
    await Promise.all([
      pump(local, stream, { meter, signal }),
      pump(stream, local, { signal, onEnd: onStreamEnd }),
    ]);
  } finally {
    cancelGrace();
    broken.abort();
  }
}

async function closeLocal(local: Socket, options: JoinOptions, failure: Error): Promise<void> {
  const { beforeClose, signal } = options;
  try {
    await beforeClose?.(failure);
  } catch {
    // Whatever depends on this connection could not be made safe: it stays open until the agent says otherwise.
    if (!signal.aborted) {
      signal.addEventListener('abort', () => local.destroy(), { once: true });
      return;
    }
  }
  local.destroy();
}
