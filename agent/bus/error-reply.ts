import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { fromWire, GodwitError, LIMITS, type WireError } from '../../protocol/mod.ts';
import { decodeBody, encodeBody } from './body.ts';

const CODE = 'Nats-Service-Error-Code';
const TEXT = 'Nats-Service-Error';

/** An error as it travels: the services protocol's headers (ADR-32) and the catalogue's WireError as body. */
export function errorReply(error: GodwitError, limitBytes: number): { headers: MsgHdrs; body: Uint8Array } {
  const reply = headers();
  reply.set(CODE, String(error.status));
  reply.set(TEXT, headerText(`${error.code}: ${error.message}`));
  return { headers: reply, body: errorBody(error, limitBytes) };
}

/**
 * The value a reply carries.
 * @throws GodwitError the error it carries instead, or MESSAGE_INVALID
 */
export function readReply(message: Msg, subject: string): unknown {
  const code = message.headers?.get(CODE);
  if (!code) return decodeBody(message.data, subject);
  const wire = wireOf(message, subject);
  if (wire) throw fromWire(wire);
  throw new GodwitError('INTERNAL', { problem: `${code} ${message.headers?.get(TEXT) ?? ''}`.trim() });
}

/** Details are for people and can be anything; when they do not fit, the error travels without them. */
function errorBody(error: GodwitError, limitBytes: number): Uint8Array {
  try {
    return encodeBody(error.toWire(), limitBytes - 1024);
  } catch {
    const message = error.message.slice(0, LIMITS.logLineChars);
    return encodeBody({ code: error.code, message, hint: '', details: {} } satisfies WireError);
  }
}

function wireOf(message: Msg, subject: string): WireError | undefined {
  try {
    const body = decodeBody(message.data, subject) as Partial<WireError> | null;
    if (typeof body?.code !== 'string' || typeof body.message !== 'string') return undefined;
    const details = typeof body.details === 'object' && body.details !== null ? body.details : {};
    return { code: body.code, message: body.message, hint: '', details };
  } catch {
    return undefined; // another service's error: the headers say it all
  }
}

/** Header values are one line of printable ASCII. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, LIMITS.errorHeaderChars);
}
