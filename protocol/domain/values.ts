import { LIMITS } from '../limits.ts';
import { type Problems, quote } from './problems.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
const POWERS = ['b', 'k', 'm', 'g', 't', 'p', 'e'];
const DURATION = /^(\d+)(ms|s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A whole number between two bounds, decimal digits only; the lower bound stands in for a refused one. */
export function readInteger(
  raw: string,
  what: string,
  bounds: { readonly min: number; readonly max: number },
  at: number,
  problems: Problems,
): number {
  const text = raw.trim();
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  problems.refuse(at, `${what} ${quote(text)} is not a whole number between ${bounds.min} and ${bounds.max}`);
  return bounds.min;
}

/** Bytes of a libvirt size: a whole number and a unit (`KiB` when none is given; `KB` counts in thousands). */
export function readBytes(
  raw: string,
  unit: string | undefined,
  what: string,
  at: number,
  problems: Problems,
  min: 0 | 1 = 1,
): number {
  const factor = unitBytes(unit ?? 'KiB');
  if (factor === undefined) {
    problems.refuse(at, `the unit ${quote(unit ?? '')} of ${what} is not known`);
    return 1;
  }
  const max = Math.floor(Number.MAX_SAFE_INTEGER / factor);
  if (max < 1) {
    problems.refuse(at, `${what} ${quote(`${raw.trim()} ${unit}`)} is more than any node has`);
    return 1;
  }
  return readInteger(raw, what, { min, max }, at, problems) * factor;
}

/** An absolute path without `.` and `..` segments; repeated and trailing slashes are taken away. */
export function readPath(raw: string, what: string, at: number, problems: Problems): string {
  const path = readLine(raw, what, LIMITS.pathChars, at, problems);
  if (!path.startsWith('/')) problems.refuse(at, `${what} ${quote(path)} is not an absolute path`);
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    problems.refuse(at, `${what} ${quote(path)} contains a "." or ".." segment`);
  return `/${segments.join('/')}`;
}

/** One line of text: no control character, bounded. */
export function readLine(raw: string, what: string, chars: number, at: number, problems: Problems): string {
  if (CONTROL.test(raw)) problems.refuse(at, `${what} ${quote(raw)} contains a control character`);
  if (raw.length > chars) problems.refuse(at, `${what} has ${raw.length} characters; ${chars} are the limit`);
  return raw;
}

/** One of a fixed set of words; the first stands in for a refused one. */
export function readChoice<Word extends string>(
  raw: string,
  words: readonly [Word, ...Word[]],
  what: string,
  at: number,
  problems: Problems,
): Word {
  const word = words.find((candidate) => candidate === raw.trim());
  if (word !== undefined) return word;
  problems.refuse(at, `${what} ${quote(raw.trim())} cannot be honoured; possible: ${words.join(', ')}`);
  return words[0];
}

/** Milliseconds of a duration such as `300ms`, `10s`, `5m`, `1h`, `7d`. */
export function readDurationMs(
  raw: string,
  what: string,
  at: number,
  problems: Problems,
  mostMs: number = LIMITS.policyMs,
): number {
  const [, digits = '', unit = ''] = DURATION.exec(raw.trim()) ?? [];
  const ms = Number.parseInt(digits, 10) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms <= mostMs) return ms;
  const days = Math.round(mostMs / 86_400_000);
  const most = days === 1 ? 'one day' : `${days} days`;
  problems.refuse(at, `${what} ${quote(raw)} is not a time such as 300ms or 10s (${most} at most)`);
  return 0;
}

/** libvirt's scale: `b`/`bytes`; `k`, `KiB` = 1024; `KB` = 1000; and so on, in any case. */
function unitBytes(unit: string): number | undefined {
  const lower = unit.toLowerCase();
  if (/^b(ytes?)?$/.test(lower)) return 1;
  const [, letter = '', suffix] = /^([kmgtpe])(i?b)?$/.exec(lower) ?? [];
  return letter === '' ? undefined : (suffix === 'b' ? 1000 : 1024) ** POWERS.indexOf(letter);
}
