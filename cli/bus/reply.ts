import type { z } from 'zod';
import { decode } from '../../protocol/codec.ts';
import { fromWire, GodwitError } from '../../protocol/errors.ts';
import { WireErrorSchema } from '../../protocol/job.ts';
import { LIMITS } from '../../protocol/limits.ts';

/** What this needs to know of a NATS message. */
export interface RawReply {
  readonly headers?: { get(name: string): string } | undefined;
  readonly data: Uint8Array;
}

/**
 * A reply checked against its schema; an error reply is thrown as the error the other side meant.
 * @throws GodwitError MESSAGE_INVALID when it is neither; whatever the responder answered
 */
export function decodeReply<Schema extends z.ZodType>(
  schema: Schema,
  subject: string,
  reply: RawReply,
): z.output<Schema> {
  const code = reply.headers?.get('Nats-Service-Error-Code') ?? '';
  const text = reply.headers?.get('Nats-Service-Error') ?? '';
  const body = parseJson(reply.data);
  if (code !== '' || text !== '') throw errorReply(subject, body, `error ${code} ${text}`.trim());
  if (body === undefined) throw new GodwitError('MESSAGE_INVALID', { subject, problem: 'it is not JSON' });
  return decode(schema, subject, body, { jitless: true });
}

/** A request as bytes. @throws GodwitError MESSAGE_TOO_LARGE, so that nothing is sent that no server would pass on */
export function encodeBody(subject: string, body: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  if (bytes.length > LIMITS.messageBytes) {
    throw new GodwitError('MESSAGE_TOO_LARGE', {
      subject,
      bytes: bytes.length,
      limitBytes: LIMITS.messageBytes,
    });
  }
  return bytes;
}

function errorReply(subject: string, body: unknown, headers: string): GodwitError {
  const wire = WireErrorSchema.safeParse(body);
  if (wire.success) return fromWire(wire.data);
  return new GodwitError('MESSAGE_INVALID', { subject, problem: `${headers}, without a readable body` });
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return undefined;
  }
}
