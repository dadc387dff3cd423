import { GodwitError } from '../../protocol/errors.ts';

const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gy;

/** Longer ones do not fit Node's timers (2^31 ms). */
const MAX_MS = 576 * UNIT_MS.h;

/**
 * A Go-style duration (`300ms`, `1m30s`, `0`) in milliseconds.
 * @throws GodwitError USAGE
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  let totalMs = 0;
  let end = 0;
  for (const part of text.matchAll(PART)) {
    totalMs += Number(part[1]) * UNIT_MS[part[2] as keyof typeof UNIT_MS];
    end = part.index + part[0].length;
  }
  if (text === '' || end !== text.length) {
    throw new GodwitError('USAGE', { problem: `'${text}' is not a duration like 300ms, 10s or 1m30s` });
  }
  if (totalMs > MAX_MS) throw new GodwitError('USAGE', { problem: `the duration ${text} is over 576h` });
  return totalMs;
}

/** A duration above zero, in whole milliseconds. @throws GodwitError USAGE */
export function parsePositiveDuration(text: string): number {
  const ms = Math.round(parseDuration(text));
  if (ms < 1) throw new GodwitError('USAGE', { problem: `the duration ${text} must be at least 1ms` });
  return ms;
}
