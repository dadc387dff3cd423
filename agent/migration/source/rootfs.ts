import type { DomainSpec, RootfsPass } from '../../../protocol/mod.ts';
import {
  anotherPass,
  leavePlace,
  type Rootfs,
  RootfsSender,
  type SenderOptions,
  setMark,
} from '../../rootfs/mod.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';
import { copiedRootfs } from '../rootfs.ts';

/** What tells a job's followers of passes. */
export interface RootfsFollower {
  readonly phase: (name: string) => void;
  readonly passed: (pass: RootfsPass) => void;
}

export interface OutgoingRequest
  extends Pick<SenderOptions, 'dir' | 'basis' | 'open' | 'meter' | 'signal' | 'deadlineMs'> {
  readonly job: string;
  readonly spec: DomainSpec;
  readonly follower: RootfsFollower;
}

/** The root file system of a container that leaves, when its policy says `copy`. */
export class OutgoingRootfs {
  private readonly agent: Agent;
  private readonly request: OutgoingRequest;
  private readonly sender: RootfsSender;
  private readonly done: RootfsPass[] = [];

  /** Undefined where both nodes see the same one. @throws GodwitError HOST_FAILED */
  static async begin(agent: Agent, request: OutgoingRequest): Promise<OutgoingRootfs | undefined> {
    const rootfs = copiedRootfs(request.spec);
    if (!rootfs) return undefined;
    // What lies here is old from the commit on, also when this node loses its power before it can put it aside.
    await setMark(agent.config.stateDir, rootfs.name, rootfs);
    return new OutgoingRootfs(agent, request, rootfs);
  }

  private constructor(agent: Agent, request: OutgoingRequest, { name, root }: Rootfs) {
    const { dir, basis, open, meter, signal, deadlineMs } = request;
    const { runner, clock } = agent;
    const options = { runner, clock, container: name, root, dir, basis, open, meter, signal, deadlineMs };
    this.agent = agent;
    this.request = request;
    this.sender = new RootfsSender(options);
  }

  /** Until hardly anything is left for the time in which the container stands still. @throws as {@link RootfsSender.pass} */
  async passes(): Promise<void> {
    this.request.follower.phase('rootfs');
    while (anotherPass(this.done)) await this.pass();
  }

  /** Once more, after something else took its time. @throws as {@link RootfsSender.pass} */
  async pass(): Promise<void> {
    await this.agent.faults.at('source.rootfs', this.request.job);
    this.follow(await this.sender.pass());
  }

  /** The tasks stand still. @throws as {@link RootfsSender.finish} */
  async finish(cgroup: CgroupPaths): Promise<void> {
    await this.agent.faults.at('source.rootfs-rest', this.request.job);
    this.follow(await this.sender.finish(cgroup));
  }

  private follow(pass: RootfsPass): void {
    const { follower, job } = this.request;
    this.done.push(pass);
    this.agent.log.info({ job, pass }, 'a pass through the root file system is over');
    follower.passed(pass);
  }
}

/** The container is the target's: its copy here is put aside or removed. Safe to repeat. @throws GodwitError HOST_FAILED */
export async function leaveRootfs(agent: Agent, job: string, spec: DomainSpec): Promise<void> {
  const rootfs = copiedRootfs(spec);
  if (!rootfs) return;
  await agent.faults.at('source.leave-rootfs', job);
  await leavePlace(agent.runner, agent.config.stateDir, rootfs, spec.policy.leftRootfs ?? 'keep');
}
