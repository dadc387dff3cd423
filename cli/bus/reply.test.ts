import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { NodeInfo } from '../../protocol/messages/node.ts';
import { nodeInfo } from '../../test/support/messages.ts';
import { decodeReply, encodeBody } from './reply.ts';

const bytes = (value: unknown) =>
  value instanceof Uint8Array ? value : new TextEncoder().encode(JSON.stringify(value) ?? '');
const headers = (values: Record<string, string>) => ({ get: (name: string) => values[name] ?? '' });
const decode = (data: unknown, values?: Record<string, string>) =>
  decodeReply(NodeInfo, 'godwit.v1.lab.node.n1.info', {
    data: bytes(data),
    ...(values ? { headers: headers(values) } : {}),
  });

describe('decodeReply', () => {
  it('gives what the schema accepts and ignores unknown keys', () => {
    expect(decode({ ...nodeInfo('n1'), newer: true })).toEqual(nodeInfo('n1'));
  });

  it('throws the error the other side meant', () => {
    const wire = new GodwitError('CONTAINER_BUSY', { container: 'web', job: 'j7' }).toWire();
    const thrown = () => decode(wire, { 'Nats-Service-Error-Code': '409', 'Nats-Service-Error': 'busy' });
    expect(thrown).toThrow(expect.objectContaining({ code: 'CONTAINER_BUSY', exitCode: 5 }));
    expect(thrown).toThrow("'web' is busy with job j7");
  });

  it('keeps the text of an error code it does not know', () => {
    const wire = { code: 'FROM_THE_FUTURE', message: 'the flux is off' };
    expect(() => decode(wire, { 'Nats-Service-Error-Code': '500' })).toThrow(
      /FROM_THE_FUTURE: the flux is off/,
    );
  });

  it('tells an error without a readable body', () => {
    const thrown = () =>
      decode('garbage', { 'Nats-Service-Error-Code': '500', 'Nats-Service-Error': 'boom' });
    expect(thrown).toThrow(/error 500 boom, without a readable body/);
  });

  it('names what is missing or wrong', () => {
    const { version: _version, ...without } = nodeInfo('n1');
    expect(() => decode(without)).toThrow(/version/);
    expect(() => decode({ ...nodeInfo('n1'), type: 'io.godwit.v2.node.info' })).toThrow(/type/);
  });

  it('turns any bytes into a reply or MESSAGE_INVALID, never anything else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (data) => {
          expect(() => decode(data)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
        },
      ),
    );
  });
});

describe('encodeBody', () => {
  it('refuses what no server would pass on', () => {
    const huge = { text: 'x'.repeat(LIMITS.messageBytes) };
    expect(() => encodeBody('s', huge)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }));
  });
});
