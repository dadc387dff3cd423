import {
  ClosedConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { GodwitError, subjects } from '../../protocol/mod.ts';
import { requestError } from './request.ts';

const on = subjects('lab');
const none = () => new RequestError('no responders', { cause: new NoRespondersError('x') });

describe('what a failed request means', () => {
  test.each([
    [on.container('a_b.c', 'info'), 'CONTAINER_NOT_FOUND', { container: 'a_b.c' }],
    [on.job('j1', 'abort'), 'JOB_NOT_FOUND', { job: 'j1' }],
    [on.node('n1', 'info'), 'NODE_NOT_FOUND', { node: 'n1' }],
    [on.auction, 'NODE_NOT_FOUND', { node: 'any' }],
  ])('nobody listens on %s', (subject, code, details) => {
    expect(requestError(none(), subject, 1)).toMatchObject({ code, details });
    expect(requestError(new NoRespondersError(subject), subject, 1)).toMatchObject({ code });
  });

  test.each([
    [new TimeoutError(), 'BUS_TIMEOUT'],
    [new ClosedConnectionError(), 'BUS_UNREACHABLE'],
    [new RequestError('connection disconnected'), 'BUS_UNREACHABLE'],
    [
      new RequestError('x', { cause: new PermissionViolationError('no', 'publish', on.auction) }),
      'NOT_ALLOWED',
    ],
    [new TypeError('a defect of ours'), 'INTERNAL'],
  ])('%s is %s', (error, code) => {
    expect(requestError(error, on.node('n1', 'info'), 250)).toMatchObject({ code });
  });

  test('the error a peer answered stays what it is', () => {
    const answered = new GodwitError('CONTAINER_BUSY', { container: 'web', job: 'j' });
    expect(requestError(answered, on.auction, 1)).toBe(answered);
  });
});
