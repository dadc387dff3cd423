import { expect, it } from 'vitest';
import { subjects } from '../../../protocol/mod.ts';
import type { Bus, Incoming } from '../../bus/bus.ts';
import type { Agent } from '../../migration/agent.ts';
import { sampleNodes } from './sample.ts';

/** A node that listens; the test moves its time and lets others announce themselves. */
function listening(count: number, seen?: number) {
  let nowMs = 0;
  let hear: (message: Incoming) => void = () => undefined;
  let confirm = () => {};
  let timers: { readonly atMs: number; readonly action: () => void }[] = [];
  const clock = {
    monotonicMs: () => nowMs,
    after: (ms: number, action: () => void) => {
      const timer = { atMs: nowMs + ms, action };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  } as Agent['clock'];
  const bus = {
    subscribe: (_subject: string, handler: typeof hear) => {
      hear = handler;
      return new Promise((resolve) => {
        confirm = () => resolve({ stop: async () => undefined });
      });
    },
  } as unknown as Bus;
  const config = { node: 'n1' } as Agent['config'];
  const nodes = seen === undefined ? {} : { seen };
  let heard: readonly string[] | undefined;
  const stop = new AbortController();
  const agent = { bus, clock, config, nodes, subjects: subjects('lab') };
  const note = (all: readonly { readonly node: string }[]) => {
    heard = all.map(({ node }) => node);
  };
  sampleNodes(agent, count, stop.signal).then(note, () => undefined);
  const settled = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return heard;
  };
  return {
    nodes,
    stop,
    settled,
    confirm: () => confirm(),
    announce: (node: string) =>
      hear({
        subject: 's',
        body: {
          type: 'io.godwit.v1.announce',
          node,
          state: 'up',
          incarnation: 'i',
          sequence: 1,
          address: '10.0.0.1',
          containers: 0,
          memoryAvailableBytes: 0,
        },
      }),
    passes: (ms: number) => {
      nowMs += ms;
      for (const { atMs, action } of timers) if (atMs <= nowMs) action();
      return settled();
    },
  };
}

it('hears whoever announces itself in time, once the subscription stands', async () => {
  const one = listening(8);
  await one.passes(2_000);
  one.confirm();
  await one.settled();
  one.announce('n1');
  one.announce('n2');
  expect(await one.passes(1_599)).toBeUndefined();
  one.announce('n3');
  expect(await one.passes(1)).toEqual(['n2', 'n3']);
  expect(one.nodes.seen).toBe(2);
});

it('ends at once when it has heard enough', async () => {
  const one = listening(2);
  one.confirm();
  await one.settled();
  for (const node of ['n2', 'n2', 'n3']) one.announce(node);
  expect(await one.settled()).toEqual(['n2', 'n3']);
});

it('waits on for those that it knows of, but not for ever', async () => {
  const one = listening(8, 2);
  one.confirm();
  await one.settled();
  one.announce('n2');
  expect(await one.passes(1_600)).toBeUndefined();
  one.announce('n3');
  expect(await one.settled()).toEqual(['n2', 'n3']);
  const two = listening(8);
  two.confirm();
  await two.settled();
  expect(await two.passes(3_999)).toBeUndefined();
  expect(await two.passes(1)).toEqual([]);
});

it('ends when the agent does', async () => {
  const one = listening(8);
  one.confirm();
  await one.settled();
  one.stop.abort();
  expect(await one.settled()).toEqual([]);
});
