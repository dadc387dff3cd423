import { GodwitError } from '../../protocol/errors.ts';

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** A rate such as `100MiB/s` (the `/s` may be left out) in bytes a second. @throws GodwitError USAGE */
export function parseRate(text: string): number {
  const bytes = parseSize(text.endsWith('/s') ? text.slice(0, -2) : text, 'a rate like 100MiB/s');
  if (bytes < 1) throw new GodwitError('USAGE', { problem: `the rate ${text} must be at least 1B/s` });
  return bytes;
}

/** A size such as `64MiB`, `1.5GB` or `1048576` in bytes. @throws GodwitError USAGE */
export function parseSize(text: string, wanted = 'a size like 64MiB'): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNIT_BYTES[unit];
  const bytes = factor === undefined ? Number.NaN : Math.round(Number(digits) * factor);
  if (!Number.isSafeInteger(bytes)) throw new GodwitError('USAGE', { problem: `'${text}' is not ${wanted}` });
  return bytes;
}
