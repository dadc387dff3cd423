import { GodwitError, LIMITS } from '../../protocol/mod.ts';

/**
 * A value as message bytes.
 * @throws GodwitError MESSAGE_TOO_LARGE over `limitBytes`; INTERNAL for what JSON cannot say
 */
export function encodeBody(value: unknown, limitBytes: number = LIMITS.messageBytes): Uint8Array {
  const bytes = Buffer.from(jsonOf(value));
  if (bytes.length > limitBytes)
    throw new GodwitError('MESSAGE_TOO_LARGE', { bytes: bytes.length, limitBytes });
  return bytes;
}

/**
 * The value in message bytes; whether it is the right one is the schema's business.
 * @throws GodwitError MESSAGE_TOO_LARGE or MESSAGE_INVALID
 */
export function decodeBody(data: Uint8Array, subject: string): unknown {
  if (data.length > LIMITS.messageBytes)
    throw new GodwitError('MESSAGE_TOO_LARGE', { bytes: data.length, limitBytes: LIMITS.messageBytes });
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    throw new GodwitError('MESSAGE_INVALID', { subject, problem: 'it is not JSON' });
  }
}

function jsonOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new GodwitError('INTERNAL', { problem: `a message cannot be written as JSON: ${error}` });
  }
  if (text === undefined) throw new GodwitError('INTERNAL', { problem: 'a message without a body' });
  return text;
}
