import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { SourceState } from '../../../protocol/mod.ts';
import type { FileLock } from '../../host/file-locks.ts';
import type { CpuLimit } from '../../host/throttle.ts';
import { JOURNAL_VERSION } from '../journal.ts';
import type { Moments } from './figures.ts';
import type { Held } from './held.ts';
import type { Peer, Plan, Way } from './words.ts';

/** What the source of a move notes down (journal.ts). */
export interface SourceNotes {
  readonly version: typeof JOURNAL_VERSION;
  readonly side: 'source';
  readonly state: SourceState;
  /** Its spec is read from the record again. */
  readonly plan: Plan;
  readonly peer: Peer;
  readonly way: Way;
  /** What may stand still, be throttled, or have lost its locks; nothing before it is set. */
  readonly held?: Held;
  readonly locks?: readonly FileLock[];
  readonly cpuLimit?: CpuLimit;
  /** Its interfaces that answer no ARP requests since it runs at the target. */
  readonly silent?: readonly string[];
  readonly moments: Moments;
}

/** Undefined for what no agent of this version has written. @throws GodwitError XML_MALFORMED, XML_REFUSED */
export function sourceNotes(found: object | undefined): SourceNotes | undefined {
  const notes = found as SourceNotes | undefined;
  if (notes?.version !== JOURNAL_VERSION || notes.side !== 'source') return undefined;
  const { record } = notes.plan.owned;
  const spec = parseDomain(record.spec, { file: `record of ${record.name}` });
  return { ...notes, plan: { ...notes.plan, owned: { ...notes.plan.owned, spec } } };
}
