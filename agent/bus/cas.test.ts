import { JetStreamApiError } from '@nats-io/jetstream';
import {
  InvalidArgumentError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from './cas.ts';

const refusal = (err_code: number) =>
  new JetStreamApiError({ code: 400, err_code, description: `refusal ${err_code}` });
const noResponders = () => new RequestError('no responders', { cause: new NoRespondersError('$KV.b.k') });

describe('what a failed write means', () => {
  test.each([10_071, 10_164])('JetStream %i: somebody else was first', (code) => {
    expect(outcomeOf(refusal(code))).toEqual({ status: 'conflict' });
  });

  test.each([
    ['silence', new TimeoutError()],
    ['a lost connection', new Error('the connection to NATS was lost')],
    ['a connection closed meanwhile', new RequestError('connection closed')],
    ['an answer that makes no sense', new Error('invalid ack response')],
  ])('%s leaves the outcome unknown', (_what, error) => {
    expect(outcomeOf(error)).toMatchObject({ status: 'unknown', problem: error.message });
  });

  test.each([
    ['any other refusal of JetStream', refusal(10_077), 'STORE_UNAVAILABLE'],
    ['nobody there to write', noResponders(), 'STORE_UNAVAILABLE'],
    [
      'nobody there, as the JetStream client says it',
      new Error('jetstream is not enabled', { cause: noResponders() }),
      'STORE_UNAVAILABLE',
    ],
    ['a forbidden subject', new PermissionViolationError('no', 'publish', '$KV.b.k'), 'NOT_ALLOWED'],
    ['a message that was never sent', new InvalidArgumentError('bad'), 'INTERNAL'],
  ])('%s is a definite refusal', (_what, error, code) => {
    expect(() => outcomeOf(error)).toThrow(expect.objectContaining({ code }));
  });
});
