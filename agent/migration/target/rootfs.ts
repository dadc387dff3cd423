import type { DomainSpec } from '../../../protocol/mod.ts';
import type { Reverter } from '../../effects/reverter.ts';
import { givePlaceBack, type Place, RootfsReceiver, takePlace } from '../../rootfs/mod.ts';
import type { Agent } from '../agent.ts';
import { copiedRootfs } from '../rootfs.ts';

export interface ArrivingRequest {
  readonly job: string;
  readonly spec: DomainSpec;
  /** The target's directory of the job. */
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Told how the place is taken, before it is. */
  readonly note: (place: Place) => void;
}

/** The root file system of a container that arrives, when its policy says `copy`. */
export class ArrivingRootfs {
  /** It is the same as the frozen original, and on disk. Rejects: ROOTFS_FAILED, TRANSFER_FAILED, HOST_FAILED. */
  readonly complete: Promise<void>;
  readonly basis: boolean;
  /** What went wrong here, if the source can only have felt it. */
  readonly broken: Promise<unknown>;

  /** Takes the place and whatever comes; undefined where both nodes see the same one. @throws GodwitError HOST_FAILED, ROOTFS_FAILED */
  static async begin(
    agent: Agent,
    reverter: Reverter,
    request: ArrivingRequest,
  ): Promise<ArrivingRootfs | undefined> {
    const { runner, clock, data, config, faults } = agent;
    const { job, spec, note, ...rest } = request;
    const rootfs = copiedRootfs(spec);
    if (!rootfs) return undefined;
    const place = await takePlace(config.stateDir, rootfs, (taken) => {
      note(taken);
      reverter.add('the root file system', () => givePlaceBack(runner, config.stateDir, rootfs, taken));
    });
    const receiver = new RootfsReceiver({
      ...rest,
      runner,
      clock,
      data,
      job,
      container: rootfs.name,
      root: rootfs.root,
      struck: (point) => faults.at(point, job),
    });
    reverter.add('the rsyncs', () => receiver.end());
    return new ArrivingRootfs(receiver, place.basis);
  }

  private constructor({ complete, broken }: RootfsReceiver, basis: boolean) {
    this.complete = complete;
    this.broken = broken;
    this.basis = basis;
  }
}
