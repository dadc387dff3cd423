import type { z } from 'zod';
import { GodwitError } from './errors.ts';
import { LIMITS } from './limits.ts';

const ISSUES_SHOWN = 4;

/**
 * Checks a received body (already JSON-decoded) against its schema: unknown keys are left out, defaults filled in.
 * `jitless`: without compiling the schema first, which takes 7 ms and pays only for who checks many messages.
 * @throws GodwitError MESSAGE_INVALID, which names the path of what is missing or wrong
 */
export function decode<Schema extends z.ZodType>(
  schema: Schema,
  subject: string,
  body: unknown,
  how: { readonly jitless?: boolean } = {},
): z.output<Schema> {
  const result = schema.safeParse(body, how);
  if (result.success) return result.data;
  throw new GodwitError('MESSAGE_INVALID', { subject, problem: describe(result.error.issues) });
}

/**
 * The JSON text of a message to send, checked like a received one so that a defect shows at the sender.
 * @throws GodwitError MESSAGE_INVALID; MESSAGE_TOO_LARGE above LIMITS.messageBytes
 */
export function encode<Schema extends z.ZodType>(
  schema: Schema,
  subject: string,
  body: z.input<Schema>,
): string {
  const text = stringify(subject, decode(schema, subject, body));
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > LIMITS.messageBytes)
    throw new GodwitError('MESSAGE_TOO_LARGE', { subject, bytes, limitBytes: LIMITS.messageBytes });
  return text;
}

/** Free-form parts (details, event data) may hold what JSON cannot say. */
function stringify(subject: string, body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new GodwitError('MESSAGE_INVALID', { subject, problem: 'it cannot be written as JSON' }, { cause });
  }
}

function describe(issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, ISSUES_SHOWN).map(({ path, message }) => `${pathOf(path)}: ${message}`);
  const rest = issues.length - shown.length;
  const text = [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
  return text.length > LIMITS.logLineChars ? `${text.slice(0, LIMITS.logLineChars)}...` : text;
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text === '' ? 'the whole message' : text.replace(/^\./, '');
}
