import { describe, expect, it } from 'vitest';
import { connectError } from './connect.ts';
import { requestError } from './failure.ts';

const named = (name: string, message = 'x') => Object.assign(new Error(message), { name });
const asked = { family: 'container', name: 'web', subject: 's', timeoutMs: 5 } as const;

describe('requestError', () => {
  it.each([
    ['node', 'NODE_NOT_FOUND'],
    ['container', 'CONTAINER_NOT_FOUND'],
    ['job', 'JOB_NOT_FOUND'],
    ['all', 'NO_NODES'],
  ] as const)('says what "nobody listens" means for a %s', (family, code) => {
    const error = Object.assign(named('RequestError'), { isNoResponders: () => true });
    expect(requestError(error, { ...asked, family })).toMatchObject({ code, exitCode: 3 });
    expect(requestError(named('NoRespondersError'), { ...asked, family }).code).toBe(code);
  });

  it('tells time-outs, permissions and the rest apart', () => {
    expect(requestError(named('TimeoutError'), asked)).toMatchObject({ code: 'BUS_TIMEOUT', exitCode: 6 });
    expect(requestError(named('PermissionViolationError'), asked)).toMatchObject({ exitCode: 7 });
    expect(requestError(named('ClosedConnectionError'), asked)).toMatchObject({ exitCode: 6 });
    expect(requestError('odd', asked)).toMatchObject({ code: 'BUS_UNREACHABLE' });
  });
});

describe('connectError', () => {
  it('never shows the password of a server address', () => {
    const error = connectError(named('ConnectionError', 'connection refused'), [
      'nats://me:secret@host:4222',
    ]);
    expect(error).toMatchObject({ code: 'BUS_UNREACHABLE', exitCode: 6 });
    expect(error.message).toBe('no NATS server answers at nats://host:4222: connection refused');
  });

  it('tells a refused login from an unreachable server', () => {
    expect(connectError(named('AuthorizationError', 'Authorization Violation'), [])).toMatchObject({
      exitCode: 7,
    });
  });
});
