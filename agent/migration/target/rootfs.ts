import { join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import type { Reverter } from '../../effects/reverter.ts';
import {
  givePlaceBack,
  giveVerdict,
  hashList,
  LOWER_STREAMS,
  lowerDifference,
  type Place,
  RootfsReceiver,
  readListing,
  takePlace,
} from '../../rootfs/mod.ts';
import { asTransferFailure } from '../../transfer/failure.ts';
import type { Agent } from '../agent.ts';
import { copiedTrees } from '../rootfs.ts';

export interface ArrivingRequest {
  readonly job: string;
  readonly spec: DomainSpec;
  /** The target's directory of the job. */
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Told how each place is taken, before it is. */
  readonly note: (place: Place) => void;
}

/** What is copied of a container that arrives: its root file system and volumes, as their policies say. */
export class ArrivingRootfs {
  /** Everything is the same as the frozen original, and on disk. Rejects: ROOTFS_FAILED, TRANSFER_FAILED, HOST_FAILED. */
  readonly complete: Promise<void>;
  /** For each tree, whether an older copy was here. */
  readonly bases: readonly boolean[];
  /** What went wrong here, if the source can only have felt it. */
  readonly broken: Promise<unknown>;

  /** Takes the places and whatever comes; undefined where both nodes see the same. @throws GodwitError HOST_FAILED, ROOTFS_FAILED */
  static async begin(
    agent: Agent,
    reverter: Reverter,
    request: ArrivingRequest,
  ): Promise<ArrivingRootfs | undefined> {
    const { runner, clock, data, config, faults } = agent;
    const { job, spec, note, ...rest } = request;
    const trees = copiedTrees(spec);
    if (trees.length === 0) return undefined;
    const bases: boolean[] = [];
    for (const tree of trees) {
      const { basis } = await takePlace(config.stateDir, tree, (taken) => {
        note(taken);
        reverter.add(`the place ${tree.root}`, () => givePlaceBack(runner, config.stateDir, tree, taken));
      });
      bases.push(basis);
    }
    const receiver = new RootfsReceiver({
      ...rest,
      runner,
      clock,
      data,
      job,
      container: spec.name,
      roots: trees.map(({ root }) => root),
      struck: (point) => faults.at(point, job),
    });
    reverter.add('the rsyncs', () => receiver.end());
    void answerLower(agent, request).catch(() => {});
    return new ArrivingRootfs(receiver, bases);
  }

  private constructor({ complete, broken }: RootfsReceiver, bases: readonly boolean[]) {
    this.complete = complete;
    this.broken = broken;
    this.bases = bases;
  }
}

/** Says of each lower directory whether it is the same here. What goes wrong the source hears of by its stream. */
async function answerLower(
  { runner, clock, data }: Agent,
  { job, spec, dir, signal }: ArrivingRequest,
): Promise<void> {
  for (const [at, root] of (spec.policy.lower ?? []).entries()) {
    const stream = await data.accept({ job, kind: 'listing', index: LOWER_STREAMS + at }, signal);
    try {
      const [theirs, ours] = await Promise.all([
        readListing(stream, signal),
        hashList({ runner, clock, root, file: join(dir, `lower-${at}`), signal }),
      ]);
      giveVerdict(stream, lowerDifference(theirs, ours));
    } catch (error) {
      stream.destroy(asTransferFailure(error, `reading ${root}`, stream));
      throw error;
    }
  }
}
