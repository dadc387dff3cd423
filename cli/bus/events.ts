import type { JsMsg } from '@nats-io/jetstream';
import { GodwitError } from '../../protocol/errors.ts';
import { CloudEvent } from '../../protocol/messages/event.ts';
import type { Session } from './session.ts';

/** An event with the topic of its subject. */
export interface TopicEvent {
  readonly topic: string;
  readonly event: CloudEvent;
}

/** How long the end of the history may keep us waiting for a message that was counted but does not come. */
const FETCH_MS = 2_000;

/**
 * The events of the cluster's stream, oldest first, and with `follow` the new ones until `signal` is aborted.
 * Messages that are no CloudEvents are skipped: anybody may publish.
 * @throws GodwitError STORE_UNAVAILABLE when the stream cannot be read
 */
export async function* readEvents(
  session: Session,
  options: { readonly follow: boolean; readonly sinceMs?: number; readonly signal: AbortSignal },
): AsyncGenerator<TopicEvent> {
  try {
    const messages = await openMessages(session, options);
    if (messages === undefined) return;
    const stop = (): void => void messages.stream.stop();
    options.signal.addEventListener('abort', stop, { once: true });
    if (options.signal.aborted) stop();
    for await (const message of messages.stream) {
      const event = readEvent(message);
      if (event !== undefined) yield event;
      if (!options.follow && message.info.pending === 0) break;
    }
  } catch (error) {
    throw storeError(error, session.subjects.eventStream);
  }
}

async function openMessages(
  session: Session,
  options: { readonly follow: boolean; readonly sinceMs?: number },
): Promise<{ readonly stream: AsyncIterable<JsMsg> & { stop(): void } } | undefined> {
  const { DeliverPolicy, jetstream } = await import('@nats-io/jetstream');
  const consumer = await jetstream(session.nats).consumers.get(session.subjects.eventStream, {
    filter_subjects: session.subjects.eventAll,
    ...(options.sinceMs === undefined
      ? { deliver_policy: DeliverPolicy.All }
      : {
          deliver_policy: DeliverPolicy.StartTime,
          opt_start_time: new Date(Date.now() - options.sinceMs).toISOString(),
        }),
  });
  if (options.follow) return { stream: await consumer.consume() };
  const { num_pending: pending } = await consumer.info();
  if (pending === 0) return undefined;
  return { stream: await consumer.fetch({ max_messages: pending, expires: FETCH_MS }) };
}

function readEvent(message: JsMsg): TopicEvent | undefined {
  try {
    const event = CloudEvent.safeParse(JSON.parse(new TextDecoder().decode(message.data)));
    return event.success ? { topic: message.subject.split('.').at(-2) ?? '', event: event.data } : undefined;
  } catch {
    return undefined;
  }
}

function storeError(error: unknown, stream: string): GodwitError {
  if (error instanceof GodwitError) return error;
  const name = error instanceof Error ? error.name : '';
  const problem = error instanceof Error ? error.message : String(error);
  if (/permission/i.test(`${name} ${problem}`)) return new GodwitError('NOT_ALLOWED', { problem });
  return new GodwitError(
    'STORE_UNAVAILABLE',
    { problem: `the event stream ${stream}: ${problem}` },
    { cause: error },
  );
}
