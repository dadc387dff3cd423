import { toGodwitError, type WireError } from '../../protocol/mod.ts';

/** True for what a side feels when the other one broke, for then the streams between them end: it tells nobody why. */
export function isSymptom({ code }: WireError): boolean {
  return code === 'TRANSFER_FAILED' || code === 'MOVE_ABORTED';
}

/** True for what criu's daemon of the pages says when the restore that it serves has gone (criu/uffd.c); why, the restore says. */
export function tellsOfTheRestore(error: unknown): boolean {
  return /PID recv: short read/.test(toGodwitError(error).message);
}
