import { GodwitError } from '../../../protocol/mod.ts';

/** One setting of LXC's configuration. */
export type Line = readonly [key: string, value: string];

/** LXC strips one pair of quotes and no white space inside it; a line break is the one thing it cannot take. */
export function quoted([key, value]: Line): string {
  if (/[\r\n\0]/.test(value)) throw unsupported(`${key}: a value for LXC cannot hold a line break`);
  return `${key} = "${value}"`;
}

/** The value, when it is of its kind. @throws GodwitError UNSUPPORTED */
export function matching(value: string, pattern: RegExp, what: string): string {
  if (!pattern.test(value)) throw unsupported(`${what} '${value}' is not valid`);
  return value;
}

export function unsupported(problem: string): GodwitError {
  return new GodwitError('UNSUPPORTED', { problem });
}
