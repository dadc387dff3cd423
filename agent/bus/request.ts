import {
  createInbox,
  type Msg,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';
import { GodwitError, LIMITS, toGodwitError } from '../../protocol/mod.ts';
import { absentError, isOwnerSubject } from './absent.ts';
import { encodeBody } from './body.ts';
import { readReply } from './error-reply.ts';
import { type Link, maxBytes } from './link.ts';

/** A second owner answers about as fast as the first one. */
const SECOND_ANSWER_MS = 500;

/** Bus.request over one connection. Container subjects also watch for a second answer. */
export async function request(
  link: Link,
  subject: string,
  body: unknown,
  timeoutMs: number = LIMITS.requestMs,
): Promise<unknown> {
  const data = encodeBody(body, maxBytes(link));
  try {
    const answer = isOwnerSubject(subject)
      ? await askOwner(link, subject, data, timeoutMs)
      : await link.nc.request(subject, data, { timeout: timeoutMs });
    return readReply(answer, subject);
  } catch (error) {
    throw requestError(error, subject, timeoutMs);
  }
}

/** What the client library's errors mean to the one who asked. */
export function requestError(error: unknown, subject: string, timeoutMs: number): GodwitError {
  if (error instanceof GodwitError) return error;
  if (isNoResponders(error)) return absentError(subject);
  if (error instanceof TimeoutError) return new GodwitError('BUS_TIMEOUT', { subject, timeoutMs });
  const cause = error instanceof Error && error.cause ? error.cause : error;
  if (cause instanceof PermissionViolationError)
    return new GodwitError('NOT_ALLOWED', { problem: `NATS forbids ${cause.operation} on ${cause.subject}` });
  const name = error instanceof Error ? error.name : '';
  if (error instanceof RequestError || /^(Closed|Draining)?Connection/.test(name))
    return new GodwitError('BUS_UNREACHABLE', { servers: 'the bus', problem: (error as Error).message });
  return toGodwitError(error);
}

export function isNoResponders(error: unknown): boolean {
  return (
    error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders() === true)
  );
}

/** True for the server's own "nobody listens" reply. */
export function isNoRespondersReply(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503;
}

/**
 * The first answer, at once. The inbox stays open a moment longer: a second answer means that two nodes think they
 * own the container.
 */
function askOwner(link: Link, subject: string, data: Uint8Array, timeoutMs: number): Promise<Msg> {
  const inbox = createInbox(link.inboxPrefix);
  return new Promise((resolve, reject) => {
    let answers = 0;
    let cancel = link.clock.after(timeoutMs, () => {
      subscription.unsubscribe();
      reject(new TimeoutError());
    });
    const subscription = link.nc.subscribe(inbox, {
      callback: (error, message) => {
        answers += 1;
        cancel();
        if (error || isNoRespondersReply(message)) {
          subscription.unsubscribe();
          reject(error ?? new NoRespondersError(subject));
        } else if (answers === 1) {
          cancel = link.clock.after(SECOND_ANSWER_MS, () => subscription.unsubscribe());
          resolve(message);
        } else {
          subscription.unsubscribe();
          reportSecondAnswer(link, subject);
        }
      },
    });
    link.nc.publish(subject, data, { reply: inbox });
  });
}

function reportSecondAnswer(link: Link, subject: string): void {
  link.counters.secondAnswers += 1;
  link.log.error({ subject }, 'two nodes answered a question that only the owner may answer');
  link.alarm({ kind: 'two-owners', subject });
}
