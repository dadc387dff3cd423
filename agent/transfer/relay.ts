import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { asTransferFailure, transferFailed } from './failure.ts';
import { join, type RelayBytes } from './join.ts';
import type { DataStream, Meter } from './stream.ts';

export type { RelayBytes } from './join.ts';

/** What both relays need. */
export interface RelayOptions {
  /** Where criu is or comes from; loopback unless told. */
  readonly host?: string;
  /** Counts and limits what goes from the local criu into the stream: each end meters what it sends. */
  readonly meter: Meter;
  /** Ends the relay at once. */
  readonly signal: AbortSignal;
}

export interface RelayListenOptions extends RelayOptions {
  /** Called when the local criu has connected. */
  readonly open: () => Promise<DataStream>;
}

export interface RelayConnectOptions extends RelayOptions {
  readonly port: number;
  readonly stream: DataStream;
}

export interface Relay {
  /**
   * The bytes of both directions, when both sides have ended and everything was delivered. Rejects with
   * TRANSFER_FAILED or the signal's reason.
   */
  readonly done: Promise<RelayBytes>;
}

/** Listens on an ephemeral local port for exactly one connection of a criu and joins it with a stream. @throws GodwitError TRANSFER_FAILED */
export async function relayListen(options: RelayListenOptions): Promise<Relay & { readonly port: number }> {
  const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, options.host ?? '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw asTransferFailure(error, 'cannot listen for criu');
  }
  const { port } = server.address() as AddressInfo;
  const done = serveOne(server, options);
  done.catch(() => {});
  return { port, done };
}

/** Connects to the local criu that listens on `port` and joins it with a stream. */
export function relayConnect(options: RelayConnectOptions): Relay {
  const done = connectAndJoin(options);
  done.catch(() => {});
  return { done };
}

async function serveOne(server: Server, options: RelayListenOptions): Promise<RelayBytes> {
  const local = await firstConnection(server, options.signal);
  return join(local, options.open, options);
}

function firstConnection(server: Server, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let taken = false;
    const onAbort = (): void => {
      server.close();
      reject(signal.reason);
    };
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      if (taken) {
        socket.destroy();
        return;
      }
      taken = true;
      signal.removeEventListener('abort', onAbort);
      server.close();
      resolve(socket);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

async function connectAndJoin(options: RelayConnectOptions): Promise<RelayBytes> {
  const { port, host = '127.0.0.1', stream, signal } = options;
  const local = connect({ port, host, noDelay: true, allowHalfOpen: true });
  local.on('error', () => {});
  try {
    await once(local, 'connect', { signal });
  } catch (error) {
    local.destroy();
    const failure = signal.aborted
      ? asTransferFailure(signal.reason, 'cancelled', stream)
      : transferFailed(`no criu answers on ${host}:${port}: ${(error as Error).message}`, stream.ends, error);
    stream.destroy(failure);
    throw signal.aborted ? signal.reason : failure;
  }
  return join(local, () => Promise.resolve(stream), options);
}
