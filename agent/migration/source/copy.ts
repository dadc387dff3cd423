import { GodwitError, LIMITS } from '../../../protocol/mod.ts';
import { Reverter } from '../../effects/reverter.ts';
import { type FileLock, releaseFileLocks, retakeFileLocks } from '../../host/file-locks.ts';
import { killCgroup, thawCgroup } from '../../host/freeze.ts';
import { clearNetworkLock } from '../../host/network-lock.ts';
import { endTcpRepair } from '../../host/tcp-repair.ts';
import { createMeter, sendImages } from '../../transfer/mod.ts';
import type { DataStream, Meter, StreamKind } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import { type JobDir, makeJobDir } from '../job-dir.ts';
import { type Dump, startDump } from './dump.ts';
import type { Peer, Plan } from './words.ts';

/** How long an undo waits for file locks that the target's dying copy still holds. */
const LOCKS_MS = 2_000;

/** What the copy tells while it is being dumped. */
export interface CopyEvents {
  /** The control stream to the target ended. */
  readonly targetGone: () => void;
  readonly stopping: (atMs: number) => void;
  readonly frozen: (atMs: number) => void;
}

/** The source's copy of a moving container: everything a move does to it and around it on this host. */
export class SourceCopy {
  /** Bytes sent, each under the job's limit. */
  readonly meters: { readonly memory: Meter; readonly images: Meter };
  private readonly agent: Agent;
  private readonly plan: Plan;
  private readonly peer: Peer;
  private readonly streams = new AbortController();
  private readonly reverter = new Reverter();
  private dir: JobDir | undefined;
  private started: Promise<Dump> | undefined;
  private images: DataStream | undefined;
  /** Released for the target's restore. */
  private locks: readonly FileLock[] = [];

  constructor(agent: Agent, plan: Plan, peer: Peer) {
    const { clock } = agent;
    const limitBytesPerSecond = plan.request.bandwidthBytesPerSecond;
    const options = { clock, ...(limitBytesPerSecond === undefined ? {} : { limitBytesPerSecond }) };
    this.agent = agent;
    this.plan = plan;
    this.peer = peer;
    this.meters = { memory: createMeter(options), images: createMeter(options) };
  }

  /**
   * Dumps the container; when it resolves the tasks stand still and the images are complete. Everything that can be
   * ready before they stop is made ready first.
   * @throws GodwitError DUMP_FAILED, TRANSFER_FAILED, HOST_FAILED, RUNTIME_FAILED
   */
  async freeze(events: CopyEvents): Promise<void> {
    this.started = this.start(events);
    const dump = await this.started;
    events.frozen(await dump.frozen);
    this.locks = await releaseFileLocks(this.agent.runner, dump.cgroup);
  }

  /** Sends the images. @throws GodwitError TRANSFER_FAILED */
  async ship(): Promise<void> {
    const { images, dir, streams, meters } = this;
    if (!images || !dir) throw new GodwitError('INTERNAL', { problem: 'there is nothing to ship yet' });
    await sendImages({ stream: images, dir: dir.images, meter: meters.images, signal: streams.signal });
  }

  /** Lets the container run on here and leaves nothing of the move behind. @throws GodwitError HOST_FAILED */
  async undo(): Promise<void> {
    const { agent, started } = this;
    // What is just being set up is undone with the rest; what could not be set up has nothing to thaw.
    const dump = await started?.catch(() => undefined);
    if (dump) {
      await dump.giveUp();
      await clearNetworkLock(agent.runner, dump.initPid);
      await endTcpRepair(agent.runner, dump.cgroup);
      await this.retakeLocks();
      await thawCgroup(dump.cgroup, agent.clock);
    }
    await this.cleanUp('the move was undone');
  }

  /** The frozen tasks die without ever running again; then their traces go. @throws GodwitError HOST_FAILED, RUNTIME_FAILED */
  async kill(): Promise<void> {
    const { agent, plan } = this;
    const { name } = plan.owned.spec;
    const dump = await this.started;
    if (dump) {
      await killCgroup(dump.cgroup, agent.clock);
      await dump.finish();
    }
    await agent.runtime.sweep(name);
    await agent.runtime.undefine(name);
    await this.cleanUp('the move is over');
  }

  private async start(events: CopyEvents): Promise<Dump> {
    const { agent, plan, streams, reverter } = this;
    const { spec } = plan.owned;
    const dumpPlan = await agent.runtime.dumpPlan(spec);
    this.dir = await makeJobDir(agent, reverter, {
      job: plan.job,
      side: 'source',
      imageBytes: spec.memoryBytes,
    });
    // It carries nothing: its end is how one side notices that the other has died.
    const control = await this.open('control');
    control.once('close', events.targetGone).resume();
    this.images = await this.open('images');
    const dump = await startDump(agent, {
      plan: dumpPlan,
      mode: plan.mode,
      dir: this.dir,
      open: () => this.open(plan.mode === 'cold' ? 'pages' : 'lazy'),
      meter: this.meters.memory,
      streams,
      deadlineMs: plan.mode === 'cold' ? plan.request.timeoutMs + LIMITS.moveGraceMs : LIMITS.pagesMs,
    });
    reverter.add('the hooks of the dump', () => dump.close());
    dump.stopping.then(events.stopping, () => {});
    return dump;
  }

  /** A lock that cannot be had again must not keep the container frozen. */
  private async retakeLocks(): Promise<void> {
    const { runner, clock, log } = this.agent;
    const retaken = await retakeFileLocks({ runner, clock, patienceMs: LOCKS_MS }, this.locks).catch(
      (error: unknown) => error,
    );
    if (retaken !== true)
      log.error({ job: this.plan.job, locks: this.locks, retaken }, 'a file lock of the container is gone');
  }

  private open(kind: StreamKind): Promise<DataStream> {
    return this.agent.data.open(this.peer, { job: this.plan.job, kind, index: 0 }, this.streams.signal);
  }

  private async cleanUp(why: string): Promise<void> {
    this.streams.abort(new GodwitError('MOVE_ABORTED', { problem: why }));
    for (const { what, error } of await this.reverter.revert())
      this.agent.log.warn({ job: this.plan.job, what, err: error }, 'could not be undone');
  }
}
