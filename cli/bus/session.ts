import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import { GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { EXCHANGES } from '../../protocol/messages/exchanges.ts';
import { type Subjects, subjects } from '../../protocol/subjects.ts';
import { connectNats } from './connect.ts';
import { askElsewhere, mayAskElsewhere } from './elsewhere.ts';
import { requestError } from './failure.ts';
import { type Gathered, gatherReplies } from './gather.ts';
import type { ConnectionSettings } from './options.ts';
import { decodeReply, encodeBody } from './reply.ts';

type Table = typeof EXCHANGES;
/** Families whose subjects name one responder. */
export type Family = 'node' | 'container' | 'job';
type VerbOf<F extends keyof Table> = Extract<keyof Table[F], string>;
type RequestOf<F extends keyof Table, V extends VerbOf<F>> = Table[F][V] extends { request: infer R }
  ? R
  : never;
type ReplySchemaOf<F extends keyof Table, V extends VerbOf<F>> = Table[F][V] extends { reply: infer R }
  ? R
  : never;
/** The body of a request without its `type`, which the session fills in. */
export type BodyOf<F extends keyof Table, V extends VerbOf<F>> = Omit<z.input<RequestOf<F, V>>, 'type'>;
export type ReplyOf<F extends keyof Table, V extends VerbOf<F>> = z.output<ReplySchemaOf<F, V>>;

/** A connection to one cluster: every request is built, sent and its reply checked here. */
export interface Session {
  readonly cluster: string;
  readonly subjects: Subjects;
  readonly nats: NatsConnection;
  /** @throws GodwitError whatever the responder answered, *_NOT_FOUND, BUS_TIMEOUT, NOT_ALLOWED, MESSAGE_INVALID */
  request<F extends Family, V extends VerbOf<F>>(
    family: F,
    name: string,
    verb: V,
    body: BodyOf<F, V>,
    options?: { readonly timeoutMs?: number },
  ): Promise<ReplyOf<F, V>>;
  /** Asks every node; answers that are errors or unreadable come back as `problems`. @throws GodwitError NO_NODES */
  gather<V extends VerbOf<'all'>>(
    verb: V,
    options?: {
      readonly maxWaitMs?: number;
      readonly enough?: number;
      readonly whole?: (replies: readonly ReplyOf<'all', V>[]) => Promise<boolean>;
      readonly patient?: boolean;
    },
  ): Promise<Gathered<ReplyOf<'all', V>>>;
  close(): Promise<void>;
}

/**
 * Connects and speaks for one cluster. The client library and the schemas are loaded here, side by side, so that
 * commands without the bus never pay for them.
 * @throws GodwitError BUS_UNREACHABLE, NOT_ALLOWED, NAME_INVALID for the cluster name
 */
export async function openSession(settings: ConnectionSettings): Promise<Session> {
  const words = subjects(settings.cluster);
  const [nats, { EXCHANGES: table }] = await Promise.all([
    import('@nats-io/transport-node'),
    import('../../protocol/messages/exchanges.ts'),
  ]);
  const connection = await connectNats(nats, settings);
  const denied = watchPermissions(connection);

  return {
    cluster: settings.cluster,
    subjects: words,
    nats: connection,
    async request(family, name, verb, body, options = {}) {
      const subject = subjectOf(words, family, name, verb);
      const exchange = exchangeOf(table, family, verb);
      const timeoutMs = options.timeoutMs ?? settings.requestMs;
      const payload = encodeBody(subject, { type: typeOf(exchange.request), ...body });
      try {
        const reply: Msg = await Promise.race([
          connection.request(subject, payload, { timeout: timeoutMs }),
          denied(subject),
        ]);
        return decodeReply(exchange.reply, subject, reply) as never;
      } catch (error) {
        const asked = { family, name, subject, timeoutMs } as const;
        const problem = requestError(error, asked);
        if (!mayAskElsewhere(verb, error, problem)) throw problem;
        const reply = await askElsewhere(nats, settings, connection, { subject, payload, timeoutMs }).catch(
          (later: unknown) => {
            throw requestError(later, asked);
          },
        );
        if (!reply) throw problem;
        return decodeReply(exchange.reply, subject, reply) as never;
      }
    },
    async gather(verb, options = {}) {
      const subject = words.all(verb);
      const exchange = exchangeOf(table, 'all', verb);
      const maxWaitMs = options.maxWaitMs ?? Math.min(settings.requestMs, 2_000);
      try {
        const waiting = gatherReplies(connection, nats.createInbox(settings.inboxPrefix), {
          subject,
          payload: encodeBody(subject, { type: typeOf(exchange.request) }),
          decode: (message) => decodeReply(exchange.reply, subject, message) as never,
          maxWaitMs,
          enough: options.enough ?? LIMITS.gatherReplies,
          ...(options.whole ? { whole: options.whole as never } : {}),
          patient: options.patient === true,
        });
        return await Promise.race([waiting, denied(subject)]);
      } catch (error) {
        throw requestError(error, { family: 'all', name: settings.cluster, subject, timeoutMs: maxWaitMs });
      }
    },
    close: () => connection.close(),
  };
}

/** The server tells refused publishes and subscriptions only as a status: without this a request would just time out. */
function watchPermissions(connection: NatsConnection): (subject: string) => Promise<never> {
  const waiting = new Set<{ readonly subject: string; readonly reject: (error: GodwitError) => void }>();
  const watch = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || !/permission/i.test(status.error.message)) continue;
      for (const one of waiting) {
        const known = status.error.message.includes(one.subject) || /_INBOX/.test(status.error.message);
        if (known) one.reject(new GodwitError('NOT_ALLOWED', { problem: status.error.message }));
      }
    }
  };
  watch().catch(() => undefined); // The iterator ends with the connection; requests tell what went wrong.
  return (subject) => {
    const promise = new Promise<never>((_resolve, reject) => waiting.add({ subject, reject }));
    promise.catch(() => undefined); // Only the race looks at it.
    return promise;
  };
}

function subjectOf(words: Subjects, family: Family, name: string, verb: string): string {
  const build = words[family] as (name: string, verb: string) => string;
  return build(name, verb);
}

function exchangeOf(
  table: Table,
  family: keyof Table,
  verb: string,
): { request: z.ZodType; reply: z.ZodType } {
  return (table[family] as Readonly<Record<string, { request: z.ZodType; reply: z.ZodType }>>)[verb]!;
}

/** The literal `type` of a message schema. */
function typeOf(schema: z.ZodType): string {
  return (schema as z.ZodObject<{ type: z.ZodLiteral<string> }>).shape.type.value;
}
