import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GodwitError } from '../../protocol/errors.ts';
import { gatherReplies } from './gather.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A connection whose replies the test sends by hand. */
function asking(
  options: {
    maxWaitMs?: number;
    enough?: number;
    whole?: (replies: readonly (number | undefined)[]) => Promise<boolean>;
    patient?: boolean;
  } = {},
) {
  let deliver: (error: Error | null, message: Msg) => void = () => undefined;
  const unsubscribe = vi.fn();
  const connection = {
    subscribe: (_inbox: string, handlers: { callback: typeof deliver }) => {
      deliver = handlers.callback;
      return { unsubscribe };
    },
    publish: vi.fn(),
  } as unknown as NatsConnection;
  const gathered = gatherReplies(connection, '_INBOX.x', {
    subject: 's',
    payload: new Uint8Array(),
    decode: (message) => {
      if (message.data[0] === 0) throw new GodwitError('MESSAGE_INVALID', { subject: 's', problem: 'zero' });
      return message.data[0];
    },
    maxWaitMs: options.maxWaitMs ?? 2_000,
    enough: options.enough ?? 99,
    ...(options.whole ? { whole: options.whole } : {}),
    patient: options.patient === true,
  });
  let endedAt: number | undefined;
  const note = () => {
    endedAt = performance.now() - startedAt;
  };
  gathered.then(note, note);
  const startedAt = performance.now();
  return {
    gathered,
    unsubscribe,
    reply: (value: number) => deliver(null, { data: new Uint8Array([value]) } as Msg),
    nobody: () => deliver(null, { data: new Uint8Array(), headers: { code: 503 } } as unknown as Msg),
    fail: (error: Error) => deliver(error, {} as Msg),
    endedAfter: async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms);
      return endedAt;
    },
  };
}

describe('gatherReplies', () => {
  it('ends when replies stop coming, not at the deadline', async () => {
    const one = asking();
    await vi.advanceTimersByTimeAsync(10);
    one.reply(1);
    await vi.advanceTimersByTimeAsync(90);
    one.reply(2);
    expect(await one.endedAfter(99)).toBeUndefined();
    expect(await one.endedAfter(1)).toBe(200);
    expect((await one.gathered).replies).toEqual([1, 2]);
    expect(one.unsubscribe).toHaveBeenCalledOnce();
  });

  it('is more patient where the first answer is slow', async () => {
    const one = asking();
    await vi.advanceTimersByTimeAsync(100);
    one.reply(1);
    expect(await one.endedAfter(399)).toBeUndefined();
    expect(await one.endedAfter(1)).toBe(500);
  });

  it('ends when the replies are whole', async () => {
    const one = asking({ whole: async (replies) => replies.length === 2 });
    one.reply(1);
    expect(await one.endedAfter(50)).toBeUndefined();
    one.reply(2);
    expect(await one.endedAfter(0)).toBe(50);
    expect((await one.gathered).replies).toEqual([1, 2]);
  });

  it('goes by the pause when nobody can tell whether they are whole', async () => {
    const one = asking({ whole: () => Promise.reject(new Error('no records')) });
    one.reply(1);
    expect(await one.endedAfter(99)).toBeUndefined();
    expect(await one.endedAfter(1)).toBe(100);
  });

  it('waits for those who are much slower than the first where it is patient', async () => {
    const one = asking({ patient: true, whole: async (replies) => replies.length === 2 });
    one.reply(1);
    expect(await one.endedAfter(1_900)).toBeUndefined();
    one.reply(2);
    expect(await one.endedAfter(0)).toBe(1_900);
    const two = asking({ patient: true });
    two.reply(1);
    expect(await two.endedAfter(1_999)).toBeUndefined();
    expect(await two.endedAfter(1)).toBe(2_000);
  });

  it('never waits beyond its deadline', async () => {
    const one = asking({ maxWaitMs: 300 });
    for (let at = 0; at < 10; at += 1) {
      one.reply(1);
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(await one.endedAfter(0)).toBe(300);
  });

  it('ends at once when enough came', async () => {
    const one = asking({ enough: 2 });
    one.reply(1);
    one.reply(2);
    expect(await one.endedAfter(0)).toBe(0);
  });

  it('keeps what cannot be read apart', async () => {
    const one = asking({ enough: 2 });
    one.reply(0);
    one.reply(7);
    expect(await one.gathered).toMatchObject({ replies: [7], problems: [{ code: 'MESSAGE_INVALID' }] });
  });

  it('fails at once when nobody listens or the subscription is refused', async () => {
    const one = asking();
    one.nobody();
    await expect(one.gathered).rejects.toMatchObject({ name: 'NoRespondersError' });
    const two = asking();
    two.fail(new Error('Permissions Violation'));
    await expect(two.gathered).rejects.toThrow('Permissions Violation');
  });
});
