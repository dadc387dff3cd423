import { readFile } from 'node:fs/promises';
import {
  type Authenticator,
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
} from '@nats-io/transport-node';
import { GodwitError } from '../../protocol/mod.ts';
import { inboxPrefixOf } from './link.ts';
import type { BusOptions, Credentials } from './options.ts';

const CONNECT_MS = 15_000;
const DIAL_MS = 2_000;
const AGAIN_MS = 100;
/** A dead server is noticed after two unanswered pings. */
const PING_MS = 5_000;

/**
 * The first connection, tried until `connectMs` is over; from then on it reconnects for ever.
 * @throws GodwitError BUS_UNREACHABLE; NOT_ALLOWED for credentials that cannot be read or that the server refuses
 */
export async function openConnection(options: BusOptions): Promise<NatsConnection> {
  const settings = { ...connectionSettings(options), ...(await authentication(options)) };
  const untilMs = options.clock.monotonicMs() + (options.connectMs ?? CONNECT_MS);
  for (;;) {
    try {
      return await connect(settings);
    } catch (error) {
      if (error instanceof AuthorizationError)
        throw new GodwitError('NOT_ALLOWED', { problem: `NATS said: ${error.message}` }, { cause: error });
      if (options.clock.monotonicMs() >= untilMs) throw unreachable(options.servers, error);
    }
    await options.clock.sleep(AGAIN_MS);
  }
}

/** The client's settings that do not depend on files (the library's defaults give up after ten tries). */
export function connectionSettings(options: BusOptions): NodeConnectionOptions {
  return {
    servers: [...options.servers],
    name: options.node,
    inboxPrefix: inboxPrefixOf(options.node),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 250,
    ignoreAuthErrorAbort: true,
    pingInterval: PING_MS,
    maxPingOut: 2,
    timeout: DIAL_MS,
  };
}

/** @throws GodwitError NOT_ALLOWED when a file of credentials cannot be read */
async function authentication(from: Credentials): Promise<NodeConnectionOptions> {
  const authenticators: Authenticator[] = [];
  if (from.credsFile) authenticators.push(credsAuthenticator(await secret(from.credsFile)));
  if (from.nkeyFile) {
    const seed = Buffer.from((await secret(from.nkeyFile)).toString('utf8').trim());
    authenticators.push(nkeyAuthenticator(seed));
  }
  return {
    ...(authenticators.length > 0 ? { authenticator: authenticators } : {}),
    ...(from.user === undefined ? {} : { user: from.user }),
    ...(from.password === undefined ? {} : { pass: from.password }),
    ...(from.token === undefined ? {} : { token: from.token }),
    ...(from.tls ? { tls: tlsOptions(from.tls) } : {}),
  };
}

function tlsOptions(tls: NonNullable<Credentials['tls']>) {
  return {
    ...(tls.ca ? { caFile: tls.ca } : {}),
    ...(tls.cert ? { certFile: tls.cert } : {}),
    ...(tls.key ? { keyFile: tls.key } : {}),
    ...(tls.first ? { handshakeFirst: true } : {}),
  };
}

async function secret(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new GodwitError('NOT_ALLOWED', { problem: `the credentials in ${file} cannot be read (${code})` });
  }
}

function unreachable(servers: readonly string[], error: unknown): GodwitError {
  const problem = error instanceof Error ? error.message : String(error);
  return new GodwitError('BUS_UNREACHABLE', { servers: servers.join(', '), problem }, { cause: error });
}
