import { toGodwitError, type WireError } from '../../../protocol/mod.ts';
import { isSymptom } from '../symptom.ts';
import type { ArrivingCopy } from './words.ts';

/** How long an abort waits for the reason of a failure that is just coming to light here. */
const CAUSE_MS = 2_000;

/**
 * What a source that gives up may just have felt: this side's own failure, or what is just coming to light about the memory.
 * @param failure what this side has failed of so far
 */
export async function causeHere(
  copy: ArrivingCopy,
  failure: () => WireError | undefined,
): Promise<WireError | undefined> {
  const broken = failure() ? undefined : await copy.brokenWithin(CAUSE_MS);
  // What breaks after the end has begun is its effect.
  const cause = failure() ?? (broken === undefined ? undefined : toGodwitError(broken).toWire());
  return cause && isSymptom(cause) ? undefined : cause;
}
