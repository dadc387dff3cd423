import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { EventConsumer, NatsBus, ReadEvent } from '../bus/mod.ts';
import { FakeClock } from '../transfer/fake-clock.ts';
import { forwardEvents } from './forward.ts';

const DAY_MS = 24 * 3_600_000;

/** What becomes of an event, of an unlikely time of its own, for which nobody is there. */
async function forward(read: Partial<ReadEvent>) {
  let consumer!: EventConsumer;
  const consumeEvents = (one: EventConsumer) => {
    consumer = one;
    return { stop: () => Promise.resolve() };
  };
  const bus = { consumeEvents } as unknown as NatsBus;
  const clock = new FakeClock();
  await clock.advance(2 * DAY_MS);
  forwardEvents(
    { bus, clock, log: pino({ level: 'silent' }), version: '1' },
    { name: 'w', url: 'http://127.0.0.1:1/', progress: false },
  );
  const event = {
    specversion: '1.0',
    id: 'e',
    source: 'godwit.v1.test.node.n1',
    type: 'io.godwit.v1.event.job',
    time: 'tomorrow',
    subject: 'e',
    datacontenttype: 'application/json',
    data: {},
  };
  const { signal } = new AbortController();
  return consumer.handle({ event, topic: 'job', atMs: 2 * DAY_MS, attempt: 10, signal, ...read });
}

it('counts the day after which an event is given up from when the stream took it', async () => {
  expect(await forward({})).toEqual({ againMs: 300_000 });
  expect(await forward({ atMs: DAY_MS })).toBe('done');
});

it('leaves an event to the next reader at once when it has to end', async () => {
  expect(await forward({ signal: AbortSignal.abort() })).toEqual({ againMs: 1 });
});
