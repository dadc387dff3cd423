import { GodwitError, LIMITS, pagesFollowIn, type Round } from '../../../protocol/mod.ts';
import { Reverter } from '../../effects/reverter.ts';
import { type FileLock, findFileLocks, releaseFileLocks } from '../../host/file-locks.ts';
import { thawCgroup } from '../../host/freeze.ts';
import type { CgroupPaths, DumpPlan } from '../../runtime/runtime.ts';
import { createMeter, sendImages } from '../../transfer/mod.ts';
import type { DataStream, StreamKind } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import { type JobDir, makeJobDir, roundLink } from '../job-dir.ts';
import { sideDir } from '../journal.ts';
import { killUnheard } from '../kill-unheard.ts';
import { CpuBrake } from './brake.ts';
import { type Dump, startDump } from './dump.ts';
import { addFirstPages } from './first-pages.ts';
import { letGo } from './held.ts';
import { type KeptFrames, keepFrames } from './kept-frames.ts';
import type { SourceNotes } from './notes.ts';
import { type ServedPages, servePages } from './page-service.ts';
import { leaveRootfs, OutgoingRootfs, type RootfsFollower } from './rootfs.ts';
import { Rounds } from './rounds.ts';
import type { MovingCopy, Peer, Plan, Way } from './words.ts';

/** Writes down what another agent would have to undo, before it is done. */
type Note = (changes: Pick<Partial<SourceNotes>, 'held' | 'locks' | 'cpuLimit'>) => void;

/** What the copy tells while it is being dumped. */
export interface CopyEvents {
  readonly stopping: (atMs: number) => void;
  readonly frozen: (atMs: number) => void;
}

/** What every dump of the move needs. */
interface Opened {
  readonly dumpPlan: DumpPlan;
  readonly dir: JobDir;
  readonly images: DataStream;
  readonly rounds: Rounds;
}

/** The source's copy of a moving container: everything a move does to it and around it on this host. */
export class SourceCopy implements MovingCopy {
  readonly meters: MovingCopy['meters'];
  /** Once the streams are open; none where both nodes see the same. */
  rootfs: OutgoingRootfs | undefined;
  private readonly agent: Agent;
  private readonly plan: Plan;
  private readonly peer: Peer;
  private readonly note: Note;
  private readonly follower: RootfsFollower;
  private readonly streams = new AbortController();
  private readonly reverter = new Reverter();
  private readonly brake: CpuBrake;
  private opened: Promise<Opened> | undefined;
  private started: Promise<Dump> | undefined;
  private pages: ServedPages | undefined;
  private frames: KeptFrames | undefined;
  /** Released for the target's restore. */
  private locks: readonly FileLock[] = [];

  constructor(agent: Agent, plan: Plan, peer: Peer, note: Note, follower: RootfsFollower) {
    const { clock } = agent;
    const limitBytesPerSecond = plan.request.bandwidthBytesPerSecond;
    const options = { clock, limitBytesPerSecond, share: { link: agent.outbound, job: plan.job } };
    this.agent = agent;
    this.plan = plan;
    this.peer = peer;
    this.note = note;
    this.follower = follower;
    this.brake = new CpuBrake(agent.log, (cpuLimit) => note({ cpuLimit }));
    this.meters = {
      memory: createMeter(options),
      images: createMeter(options),
      rootfs: createMeter(options),
    };
  }

  /**
   * Opens the streams and makes room for images: everything but the final dump can work then.
   * @throws GodwitError TRANSFER_FAILED, HOST_FAILED, RUNTIME_FAILED
   */
  open(targetGone: () => void): Promise<void> {
    this.opened = this.prepare(targetGone);
    return this.opened.then(() => {});
  }

  /** One pre-dump of the running container. @throws GodwitError DUMP_FAILED, TRANSFER_FAILED, HOST_FAILED */
  async round(index: number): Promise<Round> {
    const { rounds } = await this.ready();
    await this.agent.faults.at('source.round', this.plan.job);
    return rounds.run(index);
  }

  /**
   * Dumps the container; when it resolves the tasks stand still and the images are complete. Everything that can be
   * ready before they stop is made ready first.
   * @throws GodwitError DUMP_FAILED, TRANSFER_FAILED, HOST_FAILED, RUNTIME_FAILED
   */
  async freeze(way: Way, events: CopyEvents): Promise<void> {
    this.started = this.start(way, events);
    const dump = await this.started;
    events.frozen(await dump.frozen);
    if (pagesFollowIn(way.mode)) this.servePages(dump.cgroup);
    this.locks = await findFileLocks(dump.cgroup);
    this.note({ locks: this.locks });
    await releaseFileLocks(this.agent.runner, this.locks);
  }

  /** Lets the container use only this share of its CPU time, from now to the freeze. @throws GodwitError HOST_FAILED */
  async throttle(share: number): Promise<void> {
    const { dumpPlan } = await this.ready();
    // An undo that has begun releases the brake for good.
    this.streams.signal.throwIfAborted();
    await this.brake.set(dumpPlan.cgroup, share);
  }

  async fenced(): Promise<void> {
    const dump = await this.started;
    await Promise.all([dump?.fenced, this.pages?.memory()]);
  }

  /** Sends the images, and what is left of the root file system. @throws GodwitError TRANSFER_FAILED, ROOTFS_FAILED */
  async ship(): Promise<void> {
    const { streams, meters } = this;
    const { images, dir, dumpPlan } = await this.ready();
    await addFirstPages(this.agent, { plan: this.plan, dir: dir.images, pages: this.pages });
    await Promise.all([
      sendImages({ stream: images, dir: dir.images, meter: meters.images, signal: streams.signal }),
      this.rootfs?.finish(dumpPlan.cgroup),
    ]);
  }

  async undo(): Promise<void> {
    const { agent, started } = this;
    // What is just being set up is undone with the rest; what could not be set up has nothing to thaw.
    const opened = await this.opened?.catch(() => undefined);
    const dump = await started?.catch(() => undefined);
    if (opened && !dump) await this.giveUpRounds(opened);
    if (dump) {
      await dump.giveUp();
      await letGo(agent, this.plan.job, dump, this.locks);
    }
    await this.cleanUp('the move was undone');
  }

  async kill(): Promise<void> {
    const { agent, plan } = this;
    const { name, uuid } = plan.owned.spec;
    agent.firstPages.forget(uuid);
    const dump = await this.started;
    if (dump) {
      await this.frames?.handedOn();
      await killUnheard(agent, name, dump.cgroup);
      await dump.finish();
    }
    await agent.faults.at('source.sweep', plan.job);
    await agent.runtime.sweep(name);
    await agent.runtime.undefine(name);
    await leaveRootfs(agent, plan.job, plan.owned.spec);
    await this.cleanUp('the move is over');
  }

  /** A pre-dump lets its tasks go when its stream breaks; one that had to be killed may have left them frozen. */
  private async giveUpRounds({ rounds, dumpPlan }: Opened): Promise<void> {
    this.streams.abort(new GodwitError('MOVE_ABORTED', { problem: 'the source gives up' }));
    await rounds.ended();
    await thawCgroup(dumpPlan.cgroup, this.agent.clock);
  }

  private async prepare(targetGone: () => void): Promise<Opened> {
    const { agent, plan, streams, reverter } = this;
    const { spec } = plan.owned;
    await agent.faults.at('source.open', plan.job);
    const dumpPlan = await agent.runtime.dumpPlan(spec);
    const { initPid, cgroup } = dumpPlan;
    this.note({ held: { initPid, cgroup } });
    const dir = await makeJobDir(agent.runner, reverter, {
      own: sideDir(agent.config.runDir, plan.job, 'source'),
      imageBytes: spec.memoryBytes,
    });
    // It carries nothing: its end is how one side notices that the other has died.
    const control = await this.openStream('control');
    control.once('close', targetGone).resume();
    const images = await this.openStream('images');
    const rounds = new Rounds(agent, {
      plan: dumpPlan,
      dir,
      open: (kind, index) => this.openStream(kind, index),
      meter: this.meters.memory,
      signal: streams.signal,
      deadlineMs: plan.request.timeoutMs + LIMITS.moveGraceMs,
    });
    this.rootfs = await OutgoingRootfs.begin(agent, {
      job: plan.job,
      spec,
      dir: dir.own,
      bases: this.peer.bases ?? [],
      open: (kind, index) => this.openStream(kind, index),
      meter: this.meters.rootfs,
      signal: streams.signal,
      deadlineMs: plan.request.timeoutMs + LIMITS.moveGraceMs,
      follower: this.follower,
    });
    return { dumpPlan, dir, images, rounds };
  }

  private async ready(): Promise<Opened> {
    const opened = await this.opened;
    if (!opened) throw new GodwitError('INTERNAL', { problem: 'the streams are not open yet' });
    return opened;
  }

  private async start(way: Way, events: CopyEvents): Promise<Dump> {
    const { agent, plan, streams, reverter } = this;
    const { dumpPlan, dir } = await this.ready();
    const later = pagesFollowIn(way.mode);
    const deadlineMs = plan.request.timeoutMs + LIMITS.moveGraceMs;
    this.frames = await keepFrames(agent, reverter, {
      plan,
      open: () => this.openStream('frames'),
      meter: this.meters.images,
      signal: streams.signal,
      deadlineMs,
    });
    const dump = await startDump(agent, {
      plan: dumpPlan,
      pagesFollow: later,
      ...(way.rounds > 0 ? { previous: roundLink(way.rounds, 'final') } : {}),
      dir,
      stream: { open: () => this.openStream('pages'), meter: this.meters.memory },
      streams,
      deadlineMs: later ? LIMITS.pagesMs : deadlineMs,
    });
    reverter.add('the hooks of the dump', () => dump.close());
    dump.stopping.then(
      (atMs) => {
        this.frames?.begin();
        events.stopping(atMs);
        void agent.faults.at('source.stopping', plan.job);
        // Now, so that the images do not carry the brake to the target.
        return this.brake.release();
      },
      () => {},
    );
    return dump;
  }

  private servePages(cgroup: CgroupPaths): void {
    const { job, pagesToken: token } = this.plan;
    this.pages = servePages(this.agent, { job, token, cgroup, meter: this.meters.memory });
    this.reverter.add('the page service', () => this.pages?.close());
  }

  private openStream(kind: StreamKind, index = 0): Promise<DataStream> {
    return this.agent.data.open(this.peer, { job: this.plan.job, kind, index }, this.streams.signal);
  }

  private async cleanUp(why: string): Promise<void> {
    await this.brake.release();
    this.streams.abort(new GodwitError('MOVE_ABORTED', { problem: why }));
    // A target that the word of an abort does not reach learns of it by the end of its streams.
    this.agent.data.forbid(this.plan.job, why);
    for (const { what, error } of await this.reverter.revert())
      this.agent.log.warn({ job: this.plan.job, what, err: error }, 'could not be undone');
  }
}
