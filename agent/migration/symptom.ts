import type { WireError } from '../../protocol/mod.ts';

/** True for what a side feels when the other one broke, for then the streams between them end: it tells nobody why. */
export function isSymptom({ code }: WireError): boolean {
  return code === 'TRANSFER_FAILED' || code === 'MOVE_ABORTED';
}
