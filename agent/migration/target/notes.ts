import { parseDomain } from '../../../protocol/domain/mod.ts';
import { type JobPhase, type Mode, pagesFollowIn, type TargetState } from '../../../protocol/mod.ts';
import type { Place } from '../../rootfs/mod.ts';
import { JOURNAL_VERSION } from '../journal.ts';
import type { Arrival } from './words.ts';

/** What the target of a move notes down (journal.ts). */
export interface TargetNotes {
  readonly version: typeof JOURNAL_VERSION;
  readonly side: 'target';
  readonly state: TargetState;
  readonly arrival: Omit<Arrival, 'spec'>;
  /** The container's XML. */
  readonly xml: string;
  /** How its memory comes to an end; another than the arrival's once the rounds are over. */
  readonly mode: Mode;
  readonly phases: readonly JobPhase[];
  readonly resumedAtMs?: number;
  /** A pager fills the memory in from what is on this node. */
  readonly filledFromHere?: true;
  /** How the directories were taken that a copied root file system and volumes arrive in. */
  readonly places?: readonly Place[];
}

/** Undefined for what no agent of this version has written. */
export function targetNotes(found: object | undefined): TargetNotes | undefined {
  const notes = found as TargetNotes | undefined;
  return notes?.version === JOURNAL_VERSION && notes.side === 'target' ? notes : undefined;
}

/** The container runs before all of its memory is in its place. */
export function isFilledLater({
  mode,
  filledFromHere,
}: Pick<TargetNotes, 'mode' | 'filledFromHere'>): boolean {
  return pagesFollowIn(mode) || filledFromHere === true;
}

/** @throws GodwitError XML_MALFORMED, XML_REFUSED */
export function arrivalIn({ arrival, xml }: TargetNotes): Arrival {
  return { ...arrival, spec: parseDomain(xml, { file: `move of ${arrival.move.container}` }) };
}
