import { GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { loadContext, type NatsContext } from './context.ts';

/** The connection flags every command takes. */
export interface ConnectionFlags {
  readonly server?: string;
  readonly cluster?: string;
  readonly context?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly tlsca?: string;
  readonly requestTimeout?: number;
}

/** How to log in; all of it comes from one place, so that a flag never mixes with a context's secret. */
export interface Login {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly credsFile?: string;
  readonly nkeyFile?: string;
}

export interface ConnectionSettings {
  readonly servers: readonly string[];
  readonly cluster: string;
  readonly login: Login;
  readonly tls: { readonly certFile?: string; readonly keyFile?: string; readonly caFile?: string };
  readonly inboxPrefix?: string;
  /** Deadline of one ordinary request. */
  readonly requestMs: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where to connect: flag, then environment, then the named (or selected) NATS context, then nats://127.0.0.1:4222.
 * @throws GodwitError USAGE
 */
export function connectionSettings(flags: ConnectionFlags, env: Env): ConnectionSettings {
  const context = loadContext(flags.context ?? variable(env, 'NATS_CONTEXT'), env);
  const timeout = variable(env, 'NATS_TIMEOUT');
  return {
    servers: parseServers(
      flags.server ?? variable(env, 'NATS_URL') ?? context?.url ?? 'nats://127.0.0.1:4222',
    ),
    cluster: flags.cluster ?? variable(env, 'GODWIT_CLUSTER') ?? 'default',
    login: login(flags, env, context),
    tls: defined({
      certFile: flags.tlscert ?? variable(env, 'NATS_CERT') ?? context?.cert,
      keyFile: flags.tlskey ?? variable(env, 'NATS_KEY') ?? context?.key,
      caFile: flags.tlsca ?? variable(env, 'NATS_CA') ?? context?.ca,
    }),
    ...defined({ inboxPrefix: context?.inbox_prefix }),
    requestMs:
      flags.requestTimeout ?? (timeout === undefined ? LIMITS.requestMs : parsePositiveDuration(timeout)),
  };
}

function login(flags: ConnectionFlags, env: Env, context: NatsContext | undefined): Login {
  const places: readonly Login[] = [
    defined({
      user: flags.user,
      password: flags.password,
      token: flags.token,
      credsFile: flags.creds,
      nkeyFile: flags.nkey,
    }),
    defined({
      user: variable(env, 'NATS_USER'),
      password: variable(env, 'NATS_PASSWORD'),
      token: variable(env, 'NATS_TOKEN'),
      credsFile: variable(env, 'NATS_CREDS'),
      nkeyFile: variable(env, 'NATS_NKEY'),
    }),
    defined({
      user: context?.user,
      password: context?.password,
      token: context?.token,
      credsFile: context?.creds,
      nkeyFile: context?.nkey,
    }),
  ];
  return places.find((place) => Object.keys(place).length > 0) ?? {};
}

function parseServers(text: string): string[] {
  const servers = text
    .split(',')
    .map((server) => server.trim())
    .filter((server) => server !== '');
  for (const server of servers) {
    const url = server.includes('://') ? server : `nats://${server}`;
    if (!URL.canParse(url))
      throw new GodwitError('USAGE', { problem: `'${server}' is not a NATS server address` });
  }
  if (servers.length === 0) throw new GodwitError('USAGE', { problem: 'the NATS server address is empty' });
  return servers;
}

/** A set, non-empty environment variable. */
function variable(env: Env, name: string): string | undefined {
  return env[name] || undefined;
}

type Defined<Shape> = { [Key in keyof Shape]?: Exclude<Shape[Key], undefined> };

function defined<Shape extends Record<string, string | undefined>>(shape: Shape): Defined<Shape> {
  return Object.fromEntries(
    Object.entries(shape).filter(([, value]) => value !== undefined),
  ) as Defined<Shape>;
}
