import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Permits } from './permits.ts';
import type { DataStream, StreamId } from './stream.ts';
import { NEVER, TOKEN } from './testing.ts';

const id: StreamId = { job: 'j', kind: 'images', index: 0 };

function stream(): DataStream {
  return Object.assign(new PassThrough(), { id, bytesSent: 0, bytesReceived: 0 }).on('error', () => {});
}

describe('permits', () => {
  it('give the error of a stream that broke before anybody asked for it', async () => {
    const permits = new Permits();
    permits.permit('j', TOKEN);
    const parked = stream();
    permits.claim({ ...id, token: TOKEN, window: 1 });
    permits.deliver(parked);
    parked.destroy(new Error('broke early'));
    await expect(permits.accept(id, NEVER)).rejects.toThrow('broke early');
  });

  it('destroy a stream whose job was forbidden between its handshake and its delivery', () => {
    const permits = new Permits();
    permits.permit('j', TOKEN);
    expect(permits.claim({ ...id, token: TOKEN, window: 1 })).toBeUndefined();
    permits.forbid('j', 'over');
    const late = stream();
    permits.deliver(late);
    expect(late.destroyed).toBe(true);
    expect(permits.permitted()).toEqual([]);
  });

  it('refuse a second token for a job, ids and tokens of a wrong form', () => {
    const permits = new Permits();
    permits.permit('j', TOKEN);
    expect(() => permits.permit('j', 'other')).toThrow('has a token already');
    expect(() => permits.permit('../j', TOKEN)).toThrow('not a valid job id');
    expect(() => permits.permit('k', '')).toThrow('wrong length');
    expect(permits.permitted()).toEqual(['j']);
  });

  it('let a job start afresh after it was forbidden', () => {
    const permits = new Permits();
    permits.permit('j', TOKEN);
    permits.claim({ ...id, token: TOKEN, window: 1 });
    permits.forbid('j', 'over');
    permits.permit('j', 'another token');
    expect(permits.claim({ ...id, token: TOKEN, window: 1 })).toContain('not known here');
    expect(permits.claim({ ...id, token: 'another token', window: 1 })).toBeUndefined();
  });
});
