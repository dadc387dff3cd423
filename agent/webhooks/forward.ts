import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { CloudEvent } from '../../protocol/mod.ts';
import type { Stoppable } from '../bus/bus.ts';
import type { EventVerdict, NatsBus, ReadEvent } from '../bus/mod.ts';
import type { WebhookConfig } from '../config/webhooks.ts';
import type { Clock } from '../effects/clock.ts';
import { webhookHeaders } from './signature.ts';
import { type Answer, judge } from './verdict.ts';

/** A receiver has to answer within this. */
const ANSWER_MS = 15_000;

export interface ForwardOptions {
  readonly bus: NatsBus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
}

/**
 * Sends the cluster's events to a web server, one after the other, each until it is taken. All agents that have a webhook of this
 * name share the work: the event stream is the queue, and remembers what was delivered whoever did it.
 */
export function forwardEvents(options: ForwardOptions, webhook: WebhookConfig): Stoppable {
  const { bus, clock } = options;
  const log = options.log.child({ webhook: webhook.name });
  const handle = async ({ event: body, topic, atMs, attempt, signal }: ReadEvent): Promise<EventVerdict> => {
    const { data: event } = CloudEvent.safeParse(body);
    if (!event || !isWanted(webhook, topic, event)) return 'done';
    const answer = await post(webhook, event, options, signal);
    // It says nothing of the receiver: another agent may send it at once.
    if (signal.aborted && 'problem' in answer) return { againMs: 1 };
    const { verdict, lost, problem } = judge(answer, { attempt, ageMs: clock.nowMs() - atMs });
    if (lost !== undefined) log.error({ event: event.id, problem: lost }, 'an event is not delivered');
    else if (problem !== undefined)
      log.warn({ event: event.id, attempt, problem }, 'an event is sent again later');
    return verdict;
  };
  return bus.consumeEvents({ name: `webhook-${webhook.name}`, handle });
}

/** A running job tells how far it is up to four times a second: only where that is asked for. */
function isWanted({ topics, progress }: WebhookConfig, topic: string, { data }: CloudEvent): boolean {
  if (topics && !topics.includes(topic)) return false;
  const step = typeof data === 'object' && data !== null && 'event' in data && data.event === 'progress';
  return progress || !step;
}

async function post(
  webhook: WebhookConfig,
  event: CloudEvent,
  { clock, version }: ForwardOptions,
  ended: AbortSignal,
): Promise<Answer> {
  const { url, secretFile } = webhook;
  try {
    // Each time, so that a new one counts at once.
    const secret = secretFile === undefined ? undefined : (await readFile(secretFile, 'utf8')).trim();
    const body = JSON.stringify(event);
    const seconds = Math.floor(clock.nowMs() / 1000);
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'user-agent': `godwit-agent/${version}`,
        ...webhookHeaders({ id: event.id, seconds, body }, secret),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([ended, AbortSignal.timeout(ANSWER_MS)]),
    });
    await response.body?.cancel();
    const retryAfter = Number(response.headers.get('retry-after') ?? 0);
    return { status: response.status, retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : 0 };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/** `fetch` hides why behind "fetch failed". */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
