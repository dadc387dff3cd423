import { type SourceEffect, type SourceEvent, toGodwitError } from '../../../protocol/mod.ts';

/** What the handover core is told of an effect that ended in an exception. */
export function eventOfBroken(effect: SourceEffect, error: unknown): SourceEvent {
  switch (effect.kind) {
    case 'undo':
      return { kind: 'undone' };
    case 'kill':
      return { kind: 'killed' };
    // A change of the record that ended in an exception may have been applied all the same.
    case 'claim':
    case 'commit':
    case 'settle':
      return { kind: effect.kind, answer: 'unknown' };
    case 'resolve':
      return { kind: 'resolve-cas', answer: 'unknown' };
    default:
      return { kind: 'failed', error: toGodwitError(error).toWire() };
  }
}
