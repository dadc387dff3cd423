import { join } from 'node:path';
import { type DomainSpec, GodwitError, type RootfsPass } from '../../../protocol/mod.ts';
import {
  anotherPass,
  askVerdict,
  type FarOptions,
  farPeer,
  hashList,
  LOWER_STREAMS,
  leavePlace,
  RootfsSender,
  setMark,
} from '../../rootfs/mod.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';
import { type CopiedTree, copiedTrees } from '../rootfs.ts';

/** What tells a job's followers of passes. */
export interface RootfsFollower {
  readonly phase: (name: string) => void;
  readonly passed: (pass: RootfsPass) => void;
}

export interface OutgoingRequest extends Pick<FarOptions, 'open' | 'meter' | 'signal' | 'deadlineMs'> {
  readonly job: string;
  /** Directory of the job, for lists and logs. */
  readonly dir: string;
  readonly spec: DomainSpec;
  /** For each tree, whether the target has an older copy. */
  readonly bases: readonly boolean[];
  readonly follower: RootfsFollower;
}

/** What is copied of a container that leaves: its root file system and volumes, as their policies say. */
export class OutgoingRootfs {
  private readonly agent: Agent;
  private readonly request: OutgoingRequest;
  private readonly senders: readonly RootfsSender[];
  private readonly done: RootfsPass[] = [];

  /** Undefined where both nodes see the same. @throws GodwitError HOST_FAILED */
  static async begin(agent: Agent, request: OutgoingRequest): Promise<OutgoingRootfs | undefined> {
    const trees = copiedTrees(request.spec);
    if (trees.length === 0) return undefined;
    // What lies here is old from the commit on, also when this node loses its power before it can put it aside.
    for (const tree of trees) await setMark(agent.config.stateDir, tree);
    return new OutgoingRootfs(agent, request, trees);
  }

  private constructor(agent: Agent, request: OutgoingRequest, trees: readonly CopiedTree[]) {
    const { dir, bases, open, meter, signal, deadlineMs } = request;
    const { runner, clock } = agent;
    const carrying = { runner, clock, open, meter, signal, deadlineMs };
    this.agent = agent;
    this.request = request;
    this.senders = trees.map(
      ({ name, root }, tree) =>
        new RootfsSender({
          ...{ runner, clock, dir, signal, root, tree },
          container: name,
          basis: bases[tree] ?? false,
          peer: farPeer({ ...carrying, tree }),
        }),
    );
  }

  /** Until hardly anything is left for the time in which the container stands still. @throws as {@link RootfsSender.pass} */
  async passes(): Promise<void> {
    this.request.follower.phase('rootfs');
    await this.compareLower();
    while (anotherPass(this.done)) await this.pass();
  }

  /** What the root file system is laid over must be the same there. @throws GodwitError LOWER_DIFFERS, TRANSFER_FAILED, HOST_FAILED */
  private async compareLower(): Promise<void> {
    const { spec, dir, open, meter, signal } = this.request;
    const { runner, clock } = this.agent;
    for (const [at, root] of (spec.policy.lower ?? []).entries()) {
      const [stream, listing] = await Promise.all([
        open('listing', LOWER_STREAMS + at),
        hashList({ runner, clock, root, file: join(dir, `lower-${at}`), signal }),
      ]);
      const problem = await askVerdict({ stream, listing, meter, signal });
      if (problem !== '')
        throw new GodwitError('LOWER_DIFFERS', { container: spec.name, lower: root, problem });
    }
  }

  /** Once more, after something else took its time. @throws as {@link RootfsSender.pass} */
  async pass(): Promise<void> {
    await this.agent.faults.at('source.rootfs', this.request.job);
    await this.follow((sender) => sender.pass());
  }

  /** The tasks stand still. @throws as {@link RootfsSender.finish} */
  async finish(cgroup: CgroupPaths): Promise<void> {
    await this.agent.faults.at('source.rootfs-rest', this.request.job);
    await this.follow((sender) => sender.finish(cgroup));
  }

  /** All trees at once: one pass, as far as anybody else is concerned. */
  private async follow(work: (sender: RootfsSender) => Promise<RootfsPass>): Promise<void> {
    const { follower, job, meter } = this.request;
    const { clock } = this.agent;
    const [startedMs, sentBytes] = [clock.monotonicMs(), meter.bytes];
    const parts = await Promise.all(this.senders.map(work));
    const pass = {
      index: this.done.length + 1,
      frozen: parts.some(({ frozen }) => frozen),
      entries: parts.reduce((sum, { entries }) => sum + entries, 0),
      bytes: meter.bytes - sentBytes,
      durationMs: clock.monotonicMs() - startedMs,
    };
    this.done.push(pass);
    this.agent.log.info({ job, pass }, 'a pass through the root file system is over');
    follower.passed(pass);
  }
}

/** The container is the target's: the copies here are put aside or removed. Safe to repeat. @throws GodwitError HOST_FAILED */
export async function leaveRootfs(agent: Agent, job: string, spec: DomainSpec): Promise<void> {
  const trees = copiedTrees(spec);
  if (trees.length === 0) return;
  await agent.faults.at('source.leave-rootfs', job);
  for (const tree of trees) await leavePlace(agent.runner, agent.config.stateDir, tree, tree.left);
}
