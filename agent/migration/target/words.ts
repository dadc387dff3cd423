import type { DomainSpec, Mode, Move, PrepareRequest } from '../../../protocol/mod.ts';
import type { DataPeer } from '../../transfer/mod.ts';

/** The source's data port, and what is shown there. */
export type PagesPeer = PrepareRequest['pages'] & Pick<DataPeer, 'encrypt'>;

/** A container that is on its way here. */
export interface Arrival {
  readonly move: Move;
  readonly mode: Mode;
  readonly spec: DomainSpec;
  readonly token: string;
  /** In use at the source. */
  readonly memoryBytes: number;
  /** Where the source hands out pages that follow. */
  readonly pages: PagesPeer;
  readonly deadlineMs: number;
}

/** The target's copy once it is built, also one that an earlier agent has built. */
export interface ArrivingCopy {
  /** Lets the held tasks run and tells the network; returns when they ran, Unix milliseconds. @throws GodwitError RESTORE_FAILED */
  resume(): Promise<number>;
  /** The runtime has taken the container over. @throws GodwitError RESTORE_FAILED */
  taken(): Promise<void>;
  /** Every page is on this node. @throws GodwitError RESTORE_FAILED when they never will be */
  received(): Promise<void>;
  /** Every page is where it belongs. @throws GodwitError RESTORE_FAILED when they never will be */
  filled(): Promise<void>;
  /** The error that ended the memory's way here by itself, if one does within this time. */
  brokenWithin(ms: number): Promise<unknown>;
  /** Kills what was built and leaves nothing behind. */
  undo(): Promise<void>;
  /** The container stays here; what the move needed goes. */
  settle(): Promise<void>;
  /** It must never run on missing pages; one that has no tasks any more needs nothing. @throws GodwitError HOST_FAILED */
  freezeForGood(): Promise<void>;
  /** Kills the tasks of a copy that was frozen for good, and whatever holds their missing pages; the definition stays. */
  clear(): Promise<void>;
}
