import { fromWire, GodwitError, type JobReport, type WireError } from '../../../protocol/mod.ts';

/** Why the target has failed, in its own words. */
export function reasonOf({ error, node }: JobReport): WireError {
  if (error) return fromWire(error).toWire();
  return new GodwitError('INTERNAL', { problem: `${node} gave no reason` }).toWire();
}
