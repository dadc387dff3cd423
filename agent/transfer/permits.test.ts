import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Hello } from './handshake.ts';
import { Permits } from './permits.ts';
import type { StreamId } from './stream.ts';
import { NEVER, TOKEN } from './testing.ts';

const id: StreamId = { job: 'j', kind: 'images', index: 0 };
const hello: Hello = { ...id, token: TOKEN, window: 1, secret: 'of the opener alone', attempt: 1 };

interface FakeStream extends PassThrough {
  readonly id: StreamId;
  isOver: boolean;
  complete: boolean;
  received: number;
}

function stream(): FakeStream {
  const state = { id, isOver: false, complete: false, received: 5 };
  return Object.assign(new PassThrough(), state).on('error', () => {});
}

describe('permits', () => {
  it('give the error of a stream that broke before anybody asked for it', async () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    const parked = stream();
    permits.claim(hello);
    permits.deliver(parked);
    parked.destroy(new Error('broke early'));
    await expect(permits.accept(id, NEVER)).rejects.toThrow('broke early');
  });

  it('destroy a stream whose job was forbidden between its handshake and its delivery', () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    expect(permits.claim(hello).stream).toBe('new');
    permits.forbid('j', 'over');
    const late = stream();
    permits.deliver(late);
    expect(late.destroyed).toBe(true);
    expect(permits.permitted()).toEqual([]);
  });

  it('refuse a second token for a job, ids and tokens of a wrong form', () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    expect(() => permits.permit('j', 'other')).toThrow('has a token already');
    expect(() => permits.permit('../j', TOKEN)).toThrow('not a valid job id');
    expect(() => permits.permit('k', '')).toThrow('wrong length');
    expect(permits.permitted()).toEqual(['j']);
  });

  it('let a job start afresh after it was forbidden', () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    permits.claim(hello);
    permits.forbid('j', 'over');
    permits.permit('j', 'another token');
    expect(permits.claim(hello)).toMatchObject({
      answer: { problem: expect.stringContaining('not known here') },
    });
    expect(permits.claim({ ...hello, token: 'another token' }).stream).toBe('new');
  });

  it('let only the opener of a stream go on with it, and only over newer connections', () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    expect(permits.claim(hello).stream).toBe('new');
    const known = stream();
    permits.deliver(known);
    expect(permits.claim({ ...hello, attempt: 3, received: 0 })).toEqual({
      answer: { ok: true, received: 5, window: expect.any(Number) },
      stream: known,
    });
    // The first answer may have been lost: then the opener does not know that it was let in.
    expect(permits.claim({ ...hello, attempt: 4 }).stream).toBe(known);
    const refused = (late: Partial<Hello>, problem: string) =>
      expect(permits.claim({ ...hello, ...late })).toMatchObject({
        answer: { ok: false, problem: expect.stringContaining(problem) },
        stream: 'over',
      });
    refused({ attempt: 4, received: 0 }, 'a newer connection');
    refused({ attempt: 2, received: 0 }, 'a newer connection');
    refused({ attempt: 9, received: 0, secret: 'of somebody else...' }, 'opened already');
    refused({ attempt: 9, received: 0, token: 'wrong' }, 'not known here');
    refused({ attempt: 9, received: 0, index: 1 }, 'not known here any more');
  });

  it('tell an opener how a stream has ended that is over here', () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    permits.claim(hello);
    const known = stream();
    permits.deliver(known);
    Object.assign(known, { isOver: true, complete: true });
    expect(permits.claim({ ...hello, attempt: 2, received: 3 })).toMatchObject({
      answer: { ok: true, received: 5, done: true },
      stream: 'over',
    });
    known.complete = false;
    known.destroy(new Error('no more room'));
    expect(permits.claim({ ...hello, attempt: 3, received: 3 })).toMatchObject({
      answer: { ok: false, problem: 'no more room' },
      stream: 'over',
    });
  });

  it('hand out the streams of a kind one by one, but not those that somebody asks for by name', async () => {
    const permits = new Permits<FakeStream>();
    permits.permit('j', TOKEN);
    const arrive = (index: number) => {
      permits.claim({ ...hello, index });
      const arrived = Object.assign(stream(), { id: { ...id, index } });
      permits.deliver(arrived);
      return arrived;
    };
    const dead = arrive(0);
    dead.destroy();
    const [named, any] = [
      permits.accept({ ...id, index: 1 }, NEVER),
      permits.acceptNext('j', 'images', NEVER),
    ];
    const [one, two, three] = [arrive(1), arrive(2), arrive(3)];
    expect(await named).toBe(one);
    expect(await any).toBe(two);
    expect(await permits.acceptNext('j', 'images', NEVER)).toBe(three);
    const abort = new AbortController();
    const waiting = permits.acceptNext('j', 'images', abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const forbidden = permits.acceptNext('j', 'images', NEVER);
    permits.forbid('j', 'over');
    await expect(forbidden).rejects.toThrow('over');
  });
});
