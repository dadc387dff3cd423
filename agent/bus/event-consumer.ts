import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Subjects } from '../../protocol/mod.ts';
import type { Stoppable } from './bus.ts';
import type { Link } from './link.ts';

/** Between two tries to read on after the consumer broke, or before the stream is there. */
const AGAIN_MS = 1_000;
/** An event that nobody acknowledged for so long goes to another reader: the one that had it is dead. */
const ACK_MS = 60_000;

/** What becomes of an event: nothing more, or it comes again after a while. */
export type EventVerdict = 'done' | { readonly againMs: number };

export interface ReadEvent {
  /** As it was published, not yet checked against its schema. */
  readonly event: unknown;
  readonly topic: string;
  /** When the stream took it: the event's own time is its publisher's word. */
  readonly atMs: number;
  /** 1 for the first. */
  readonly attempt: number;
  /** The reader ends: whoever reads next gets the event again. */
  readonly signal: AbortSignal;
}

/** A durable reader of the cluster's events: all who read under one name share it, and the server remembers where it is. */
export interface EventConsumer {
  readonly name: string;
  /**
   * Deals with one event as it was published. The next one comes when this one is done with, also to others of the same name.
   */
  readonly handle: (read: ReadEvent) => Promise<EventVerdict>;
}

/** Begins with what is published after its name was used for the first time; goes on when the connection breaks. */
export function consumeEvents(link: Link, subjects: Subjects, consumer: EventConsumer): Stoppable {
  const stopped = new AbortController();
  let messages: ConsumerMessages | undefined;
  const follow = async () => {
    while (!stopped.signal.aborted) {
      try {
        messages = await open(link, subjects, consumer);
        if (stopped.signal.aborted) messages.stop();
        for await (const message of messages)
          settle(message, await consumer.handle(readOf(message, stopped.signal)));
      } catch (error) {
        if (stopped.signal.aborted) return;
        link.log.warn({ consumer: consumer.name, err: error }, 'events are read again soon');
      }
      await link.clock.sleep(AGAIN_MS, stopped.signal).catch(() => undefined);
    }
  };
  const ended = follow();
  return {
    stop: async () => {
      stopped.abort();
      messages?.stop();
      await ended;
    },
  };
}

async function open(link: Link, subjects: Subjects, { name }: EventConsumer): Promise<ConsumerMessages> {
  const stream = subjects.eventStream;
  const manager = await jetstreamManager(link.nc, { checkAPI: false });
  await manager.consumers.add(stream, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.New,
    ack_wait: nanos(ACK_MS),
    // One at a time, so that they stay in order whoever reads.
    max_ack_pending: 1,
  });
  const consumer = await jetstream(link.nc).consumers.get(stream, name);
  // One that was deleted meanwhile is made anew, instead of being waited for.
  return consumer.consume({ max_messages: 1, abort_on_missing_resource: true });
}

function settle(message: JsMsg, verdict: EventVerdict): void {
  if (verdict === 'done') message.ack();
  else message.nak(verdict.againMs);
}

function readOf(message: JsMsg, signal: AbortSignal): ReadEvent {
  const topic = message.subject.split('.').at(-2) ?? '';
  const { deliveryCount: attempt, timestampNanos } = message.info;
  return { event: bodyOf(message), topic, atMs: timestampNanos / 1_000_000, attempt, signal };
}

/** Anybody may publish: what is no JSON is no event. */
function bodyOf(message: JsMsg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
