import { LIMITS, type WireError } from '../../protocol/mod.ts';

/** The error lines of criu's log that an error carries in its details; none when criu had no part in it. */
export function criuLines(error: WireError): string[] {
  const { lines } = error.details;
  if (!Array.isArray(lines)) return [];
  return lines.filter((line) => typeof line === 'string').slice(0, LIMITS.criuErrorLines);
}
