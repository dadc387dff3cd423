import { describe, expect, it } from 'vitest';
import { judge } from './verdict.ts';

const DAY_MS = 24 * 3_600_000;
const first = { attempt: 1, ageMs: 0 };

describe('what follows from an answer to a webhook', () => {
  it.each([200, 202, 204])('%d: it is delivered', (status) => {
    expect(judge({ status }, first)).toEqual({ verdict: 'done' });
  });

  it.each([400, 410, 413, 415, 422])('%d: it is given up, for the same would come out again', (status) => {
    expect(judge({ status }, first)).toEqual({ verdict: 'done', lost: `HTTP status ${status}` });
  });

  it.each([301, 401, 404, 429, 500, 503])('%d: it is sent again', (status) => {
    expect(judge({ status }, first)).toEqual({
      verdict: { againMs: 1000 },
      problem: `HTTP status ${status}`,
    });
  });

  it('pauses twice as long with each attempt, five minutes at most', () => {
    const pauses = [1, 2, 3, 8, 9, 10, 1000].map(
      (attempt) => judge({ problem: 'no' }, { attempt, ageMs: 0 }).verdict,
    );
    expect(pauses).toEqual([1, 2, 4, 128, 256, 300, 300].map((seconds) => ({ againMs: seconds * 1000 })));
  });

  it('obeys a receiver that asks for a longer pause', () => {
    expect(judge({ status: 429, retryAfterMs: 30_000 }, first).verdict).toEqual({ againMs: 30_000 });
    expect(judge({ status: 429, retryAfterMs: DAY_MS }, first).verdict).toEqual({ againMs: 300_000 });
  });

  it('gives an event up that nobody took for a day', () => {
    expect(judge({ problem: 'connection refused' }, { attempt: 300, ageMs: DAY_MS })).toEqual({
      verdict: 'done',
      lost: 'not taken for a day: connection refused',
    });
  });
});
