import { headers, type Msg } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import { errorReply, readReply } from './error-reply.ts';

/** The reply as its receiver gets it. */
function received(data: Uint8Array | string, head = headers()): Msg {
  return { data: Buffer.from(data), headers: head } as unknown as Msg;
}

function caught(message: Msg): unknown {
  try {
    return readReply(message, 'godwit.v1.lab.node.n1.info');
  } catch (error) {
    return error;
  }
}

describe('an error as it travels', () => {
  test('arrives with its code and details, and its headers say it to other tools', () => {
    const sent = new GodwitError('CONTAINER_STATE', {
      container: 'web',
      state: 'stopped',
      wanted: 'running',
    });
    const reply = errorReply(sent, LIMITS.messageBytes);
    expect(reply.headers.get('Nats-Service-Error-Code')).toBe('409');
    expect(reply.headers.get('Nats-Service-Error')).toBe(
      "CONTAINER_STATE: 'web' is stopped; it must be running for this",
    );
    const arrived = caught(received(reply.body, reply.headers));
    expect(arrived).toBeInstanceOf(GodwitError);
    expect(arrived).toMatchObject({ code: sent.code, message: sent.message, details: sent.details });
  });

  test('header text is one short line of ASCII, whatever the problem was', () => {
    const sent = new GodwitError('INTERNAL', { problem: `line\r\nNats-Evil: 1 ü ${'x'.repeat(1_000)}` });
    const text = errorReply(sent, LIMITS.messageBytes).headers.get('Nats-Service-Error');
    expect(text).toMatch(/^[\x20-\x7e]+$/);
    expect(text.length).toBeLessThanOrEqual(LIMITS.errorHeaderChars);
  });

  test('details that do not fit or cannot be written are left behind, the code is not', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    for (const output of ['x'.repeat(LIMITS.messageBytes), loop]) {
      const sent = new GodwitError('DUMP_FAILED', { problem: 'p', ...{ output } });
      const reply = errorReply(sent, LIMITS.messageBytes);
      expect(reply.body.length).toBeLessThan(LIMITS.messageBytes);
      expect(caught(received(reply.body, reply.headers))).toMatchObject({ code: 'DUMP_FAILED' });
    }
  });

  test.each(['', 'not json', 'null', '[]', '{"code":7}', '{"code":"constructor","message":"x"}'])(
    'an error reply with the body %j is INTERNAL',
    (body) => {
      const head = headers();
      head.set('Nats-Service-Error-Code', '500');
      head.set('Nats-Service-Error', 'from elsewhere');
      expect(caught(received(body, head))).toMatchObject({ code: 'INTERNAL' });
    },
  );

  test('a reply without error headers is its value', () => {
    expect(readReply(received('{"a":1}'), 's')).toEqual({ a: 1 });
    expect(caught(received('{"a":'))).toMatchObject({ code: 'MESSAGE_INVALID' });
  });
});
