import type { CloudEvent, Subjects } from '../../protocol/mod.ts';
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';
import type { Random } from '../effects/random.ts';

/** Publishes what happened, as CloudEvents 1.0 on `….event.<topic>.<id>`. */
export type PublishEvent = (topic: string, id: string, data: { readonly type: string }) => void;

/** The publisher of one node; `data.type` is the event's type, too. */
export function eventPublisher(options: {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
}): PublishEvent {
  const { bus, subjects, clock, random, node } = options;
  return (topic, id, data) => {
    const event: CloudEvent = {
      specversion: '1.0',
      id: random.id(),
      source: `${subjects.prefix}.node.${node}`,
      type: data.type,
      time: new Date(clock.nowMs()).toISOString(),
      subject: id,
      datacontenttype: 'application/json',
      data,
    };
    bus.publish(subjects.event(topic, id), event);
  };
}
