import type { Socket } from 'node:net';
import { asTransferFailure } from './failure.ts';
import { pump } from './pump.ts';
import type { DataStream, Meter } from './stream.ts';
import { withWideReads } from './wide-reads.ts';

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
}

/** Joins a connection of the local criu with a stream until both directions have ended. When anything breaks, both are destroyed. */
export async function join(
  plain: Socket,
  open: () => Promise<DataStream>,
  options: JoinOptions,
): Promise<RelayBytes> {
  const local = withWideReads(plain);
  let stream: DataStream | undefined;
  try {
    stream = await open();
    await exchange(local, stream, options);
    return { sent: stream.bytesSent, received: stream.bytesReceived };
  } catch (error) {
    const failure = asTransferFailure(error, 'relay to criu', stream);
    stream?.destroy(failure);
    local.destroy();
    throw options.signal.aborted ? options.signal.reason : failure;
  }
}

async function exchange(
  local: Socket,
  stream: DataStream,
  { meter, signal: given }: JoinOptions,
): Promise<void> {
  const broken = new AbortController();
  const signal = AbortSignal.any([given, broken.signal]);
  try {
    await Promise.all([pump(local, stream, { meter, signal }), pump(stream, local, { signal })]);
  } finally {
    broken.abort();
  }
}
