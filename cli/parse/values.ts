import { GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';

/** `dynamic`, or how many pre-dumps exactly. @throws GodwitError USAGE */
export function parseIterations(text: string): number | 'dynamic' {
  return text === 'dynamic' ? 'dynamic' : parseCount(text, 0, LIMITS.roundsMax);
}

/** How many rounds at most. @throws GodwitError USAGE */
export function parseRounds(text: string): number {
  return parseCount(text, 1, LIMITS.roundsMax);
}

/** How many checkpoints are kept. @throws GodwitError USAGE */
export function parseKept(text: string): number {
  return parseCount(text, 1, LIMITS.checkpointsKept);
}

/** How many moves at a time. @throws GodwitError USAGE */
export function parseParallel(text: string): number {
  return parseCount(text, 1, LIMITS.evacuateParallel);
}

function parseCount(text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new GodwitError('USAGE', { problem: `'${text}' is not a whole number from ${min} to ${max}` });
  }
  return value;
}
