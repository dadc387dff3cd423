import { readFileSync } from 'node:fs';
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { GodwitError } from '../../protocol/errors.ts';
import type { ConnectionSettings, Login } from './options.ts';

type Nats = typeof import('@nats-io/transport-node');

/** How long one server may take to greet us; a refused connection fails at once. */
const CONNECT_MS = 2_000;

/**
 * Connects to the bus; later losses are re-connected for ever, callers bound their own waiting.
 * @throws GodwitError BUS_UNREACHABLE, NOT_ALLOWED when the login is refused, USAGE when a key file cannot be read
 */
export async function connectNats(nats: Nats, settings: ConnectionSettings): Promise<NatsConnection> {
  const options: NodeConnectionOptions = {
    servers: [...settings.servers],
    name: 'godwit',
    timeout: CONNECT_MS,
    waitOnFirstConnect: false,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    pingInterval: 5_000,
    ignoreClusterUpdates: false,
    ...(settings.inboxPrefix === undefined ? {} : { inboxPrefix: settings.inboxPrefix }),
    ...(Object.keys(settings.tls).length === 0 ? {} : { tls: { ...settings.tls } }),
    ...loginOptions(nats, settings.login),
  };
  try {
    return await nats.connect(options);
  } catch (error) {
    throw connectError(error, settings.servers);
  }
}

/** A failed connect as the catalogue says it. */
export function connectError(error: unknown, servers: readonly string[]): GodwitError {
  if (error instanceof GodwitError) return error;
  const name = error instanceof Error ? error.name : '';
  const problem = (error instanceof Error ? error.message : String(error)) || 'no reason given';
  if (/authori[sz]ation|authenticat/i.test(`${name} ${problem}`)) {
    return new GodwitError('NOT_ALLOWED', { problem: `the NATS server refused the login: ${problem}` });
  }
  return new GodwitError('BUS_UNREACHABLE', { servers: servers.map(withoutPassword).join(','), problem });
}

function loginOptions(nats: Nats, login: Login): NodeConnectionOptions {
  if (login.credsFile !== undefined) return authenticator(nats.credsAuthenticator(readKey(login.credsFile)));
  if (login.nkeyFile !== undefined) {
    const seed = new TextDecoder().decode(readKey(login.nkeyFile)).trim();
    return authenticator(nats.nkeyAuthenticator(new TextEncoder().encode(seed)));
  }
  if (login.token !== undefined) return { token: login.token };
  if (login.user === undefined) return {};
  return { user: login.user, ...(login.password === undefined ? {} : { pass: login.password }) };
}

function authenticator(value: Authenticator): NodeConnectionOptions {
  return { authenticator: value };
}

function readKey(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GodwitError('USAGE', { problem: `the credentials ${file} cannot be read: ${reason}` });
  }
}

function withoutPassword(server: string): string {
  return server.replace(/\/\/[^@/]*@/, '//');
}
