import { type Capabilities, GodwitError, type MigrateRequest, type Mode } from '../../../protocol/mod.ts';
import type { Owned } from '../../containers/owned.ts';
import type { PairModel } from '../../preflight/pair-model.ts';
import type { Meter } from '../../transfer/stream.ts';
import type { ConvergenceGoal } from '../convergence/mod.ts';

/** A move that was decided on and that the target has agreed to look at. */
export interface Plan {
  readonly job: string;
  readonly owned: Owned;
  readonly request: MigrateRequest;
  readonly target: string;
  readonly mode: Mode;
  readonly modeReason: string;
  readonly memoryBytes: number;
  /** What the root file system takes on the disk, when it is copied and as far as it is known. */
  readonly rootfsBytes: number;
  /** What moves to this target have cost so far. */
  readonly model: PairModel;
  /** What rounds are to reach, in the modes that have them. */
  readonly goal: ConvergenceGoal;
  readonly targetCapabilities: Capabilities;
  /** With this the target asks for pages here. */
  readonly pagesToken: string;
  /** Added to a time of the target's clock gives this node's clock. */
  readonly clockOffsetMs: number;
}

/** Where the target's data port is, and the move's one-time token. */
export interface Peer {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** The target has an older copy of the root file system. */
  readonly bases?: readonly boolean[] | undefined;
}

/** How the final dump is done, and how many rounds it stands on. */
export interface Way {
  readonly mode: Mode;
  readonly rounds: number;
}

/** The source's copy as every move ends with it, also one that an earlier agent began. */
export interface MovingCopy {
  /** Bytes sent, each under the job's limit. */
  readonly meters: { readonly memory: Meter; readonly images: Meter; readonly rootfs: Meter };
  /** Nothing but this agent can let the container run here: the move may be committed. @throws GodwitError HOST_FAILED */
  fenced(): Promise<void>;
  /** Lets the container run on here and leaves nothing of the move behind. @throws GodwitError HOST_FAILED */
  undo(): Promise<void>;
  /** The frozen tasks die without ever running again; then their traces go. @throws GodwitError HOST_FAILED, RUNTIME_FAILED */
  kill(): Promise<void>;
}

/** Why a move is given up by its operator, or by its time limit. */
export function givenUpError(outcome: 'aborted' | 'timeout', reason: string, timeoutMs: number): GodwitError {
  return outcome === 'timeout'
    ? new GodwitError('MOVE_TIMEOUT', { timeoutMs })
    : new GodwitError('MOVE_ABORTED', { problem: reason });
}
