import type { Msg, Subscription } from '@nats-io/transport-node';
import { type GodwitError, toGodwitError } from '../../protocol/mod.ts';
import { decodeBody, encodeBody } from './body.ts';
import type { Incoming, Stoppable } from './bus.ts';
import type { EndpointStats } from './endpoints.ts';
import { errorReply } from './error-reply.ts';
import { type Link, maxBytes } from './link.ts';

/** The server confirms a subscription within this, or it is cut off and gets it again on reconnect. */
const CONFIRM_MS = 2_000;

/** Bus.serve: every request is answered, by the handler's value or by the error it threw. */
export async function serve(
  link: Link,
  subject: string,
  handler: (message: Incoming) => Promise<unknown>,
  stats: EndpointStats,
): Promise<Stoppable> {
  return await listen(link, subject, (message) => {
    const startedMs = link.clock.monotonicMs();
    void answerOf(link, message, handler).then(({ error, send }) => {
      stats.count(link.clock.monotonicMs() - startedMs, error);
      send();
    });
  });
}

/** Bus.answer: silence in place of undefined, and of errors, which only the log and the figures tell. */
export async function answer(
  link: Link,
  subject: string,
  handler: (message: Incoming) => Promise<unknown>,
  stats: EndpointStats,
): Promise<Stoppable> {
  const handle = async (message: Msg) => {
    const body = decodeOrNote(link, message);
    const value = await handler({ subject: message.subject, body });
    if (value !== undefined) respond(link, message, encodeBody(value, maxBytes(link)));
  };
  return await listen(link, subject, (message) => {
    const startedMs = link.clock.monotonicMs();
    handle(message).then(
      () => stats.count(link.clock.monotonicMs() - startedMs),
      (error: unknown) => {
        stats.count(link.clock.monotonicMs() - startedMs, toGodwitError(error));
        link.log.warn({ subject: message.subject, err: error }, 'a question could not be answered');
      },
    );
  });
}

/** Bus.subscribe: what cannot be read is counted and logged; a handler that throws does not end anything. */
export async function subscribe(
  link: Link,
  subject: string,
  handler: (message: Incoming) => void,
  limits: { readonly max?: number } = {},
): Promise<Stoppable> {
  const heard = (message: Msg) => {
    let body: unknown;
    try {
      body = decodeBody(message.data, message.subject);
    } catch (error) {
      noteUnreadable(link, message, toGodwitError(error));
      return;
    }
    try {
      handler({ subject: message.subject, body });
    } catch (error) {
      link.counters.handlerFailures += 1;
      link.log.error({ subject: message.subject, err: error }, 'a message could not be handled');
    }
  };
  return await listen(link, subject, heard, limits);
}

/** A plain subscription that the server has confirmed when this resolves. */
export async function listen(
  link: Link,
  subject: string,
  heard: (message: Msg) => void,
  limits: { readonly max?: number } = {},
): Promise<Stoppable> {
  const subscription = link.nc.subscribe(subject, {
    ...limits,
    callback: (error, message) => {
      if (error) link.log.error({ subject, err: error }, 'a subscription ended');
      else heard(message);
    },
  });
  await confirm(link);
  return { stop: () => stop(link, subscription) };
}

async function stop(link: Link, subscription: Subscription): Promise<void> {
  subscription.unsubscribe();
  await confirm(link);
}

/** Waits until the server has seen what was sent; when the connection is down there is nothing to wait for. */
async function confirm(link: Link): Promise<void> {
  if (!link.connected() || link.nc.isClosed()) return;
  const late = new AbortController();
  await Promise.race([
    link.nc.flush().catch(() => undefined),
    link.clock.sleep(CONFIRM_MS, late.signal).catch(() => undefined),
  ]);
  late.abort();
}

async function answerOf(
  link: Link,
  message: Msg,
  handler: (message: Incoming) => Promise<unknown>,
): Promise<{ error?: GodwitError; send: () => void }> {
  try {
    const body = decodeOrNote(link, message);
    const answer = encodeBody(await handler({ subject: message.subject, body }), maxBytes(link));
    return { send: () => respond(link, message, answer) };
  } catch (thrown) {
    const error = toGodwitError(thrown);
    if (error.code === 'INTERNAL')
      link.log.error({ subject: message.subject, err: thrown }, 'a request failed');
    const reply = errorReply(error, maxBytes(link));
    return { error, send: () => respond(link, message, reply.body, reply.headers) };
  }
}

function decodeOrNote(link: Link, message: Msg): unknown {
  try {
    return decodeBody(message.data, message.subject);
  } catch (error) {
    noteUnreadable(link, message, toGodwitError(error));
    throw error;
  }
}

function noteUnreadable(link: Link, message: Msg, error: GodwitError): void {
  if (error.code === 'MESSAGE_TOO_LARGE') link.counters.oversized += 1;
  else link.counters.malformed += 1;
  link.log.warn({ subject: message.subject, problem: error.message }, 'a message was refused');
}

/** A reply that cannot be sent (connection closing) is like one that got lost: the asker's deadline covers it. */
function respond(link: Link, message: Msg, data: Uint8Array, headers?: Msg['headers']): void {
  try {
    message.respond(data, headers ? { headers } : undefined);
  } catch (error) {
    link.log.warn({ subject: message.subject, err: error }, 'an answer could not be sent');
  }
}
