import { type DomainSpec, GodwitError, hasRounds, type Mode, pagesFollowIn } from '../../../protocol/mod.ts';
import { Reverter } from '../../effects/reverter.ts';
import { announceAddresses } from '../../host/announce.ts';
import { isFilledLater } from '../../preflight/refill.ts';
import { missingFeatures } from '../../preflight/software.ts';
import type { Place } from '../../rootfs/mod.ts';
import { receiveImages } from '../../transfer/mod.ts';
import type { DataStream } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import { type JobDir, makeJobDir } from '../job-dir.ts';
import { sideDir } from '../journal.ts';
import { tellsOfTheRestore } from '../symptom.ts';
import { watchIdle } from './idle.ts';
import { type ArrivingFrames, takeFrames } from './kept-frames.ts';
import { freezeTasks, killRunning, killTasks } from './lost-tasks.ts';
import { type Filling, type Memory, receiveMemory } from './memory.ts';
import type { TargetNotes } from './notes.ts';
import { Restore } from './restore.ts';
import { ArrivingRootfs } from './rootfs.ts';
import { ArrivingRounds } from './rounds.ts';
import type { Arrival, ArrivingCopy } from './words.ts';

/** How long a source that was given a token may take to open its first stream. */
const FIRST_STREAM_MS = 15_000;
/** How long a restore whose pages broke may take to end as well, before it counts as one that lets its tasks go. */
const RESTORE_END_MS = 3_000;
/** What images need beside the memory itself: everything else criu writes, and the tmpfs' own overhead. */
const IMAGE_ROOM = { share: 1 / 8, bytes: 64 * 1024 * 1024 };

/** Writes down what another agent would have to know, before it is done. */
type Note = (changes: Pick<Partial<TargetNotes>, 'places' | 'filledFromHere'>) => void;

/** What the copy tells while it is built. */
export interface ArrivalEvents {
  readonly phase: (name: string) => void;
  /** The control stream from the source ended. */
  readonly sourceGone: () => void;
  /** The restore or the page stream broke. */
  readonly failed: (error: unknown) => void;
}

/** The target's copy of a moving container: everything a move does for it on this host. */
export class TargetCopy implements ArrivingCopy {
  private readonly agent: Agent;
  private readonly arrival: Arrival;
  private readonly events: ArrivalEvents;
  private readonly note: Note;
  /** Undone when the container does not stay here. */
  private readonly reverter = new Reverter();
  /** Undone in any case, last. */
  private readonly scratch = new Reverter();
  /** Ends streams, daemons and the restore. */
  private readonly all = new AbortController();
  private dir: JobDir | undefined;
  private rounds: ArrivingRounds | undefined;
  private rootfs: ArrivingRootfs | undefined;
  private readonly places: Place[] = [];
  private filling: Filling = 'before';
  private memory: Memory | undefined;
  private restore: Restore | undefined;
  private frames: ArrivingFrames | undefined;
  private resumed = false;
  private reserving: Promise<void> | undefined;

  constructor(agent: Agent, arrival: Arrival, events: ArrivalEvents, note: Note) {
    this.agent = agent;
    this.note = note;
    this.arrival = arrival;
    this.events = events;
  }

  /**
   * Makes everything ready that can be before the source freezes; undoes it when that fails.
   * @throws GodwitError HOST_FAILED, RUNTIME_FAILED, RESTORE_FAILED
   */
  async reserve(): Promise<void> {
    this.reserving = this.setUp();
    try {
      await this.reserving;
    } catch (error) {
      await this.undo();
      throw error;
    }
  }

  private async setUp(): Promise<void> {
    const { agent, arrival, reverter, scratch } = this;
    const { spec, mode, deadlineMs } = arrival;
    const { job } = arrival.move;
    // What is dirty after the last round comes beside the rounds, in the worst case all of it.
    const copies = hasRounds(mode) ? 2 : 1;
    const imageBytes = Math.ceil(spec.memoryBytes * (copies + IMAGE_ROOM.share)) + IMAGE_ROOM.bytes;
    const own = sideDir(agent.config.runDir, job, 'target');
    this.dir = await makeJobDir(agent.runner, scratch, { own, imageBytes });
    agent.data.permit(job, arrival.token);
    scratch.add('the token', () => agent.data.forbid(job, 'the move is over'));
    const { signal } = this.all;
    this.rootfs = await ArrivingRootfs.begin(agent, reverter, {
      job,
      spec,
      dir: own,
      signal,
      deadlineMs,
      note: (place) => {
        this.places.push(place);
        this.note({ places: this.places });
      },
    });
    reverter.add('the definition', async () => {
      await agent.runtime.sweep(spec.name);
      await agent.runtime.undefine(spec.name);
    });
    await agent.runtime.define(spec.policy.rootfs === 'copy' ? withoutNames(spec) : spec);
    if (!hasRounds(mode)) return this.awaitFinal(this.dir, mode, []);
    this.rounds = await ArrivingRounds.begin(agent, {
      job,
      dir: this.dir,
      signal,
      deadlineMs,
      failed: this.events.failed,
    });
    scratch.add('the rounds', async () => {
      await this.rounds?.end();
    });
  }

  /**
   * The rounds are over: makes everything ready for the final dump. @throws GodwitError JOB_STATE when the source and
   * this node do not agree on the rounds that came; RESTORE_FAILED
   */
  async switch(mode: Mode, rounds: number): Promise<void> {
    const { agent, arrival, dir } = this;
    const { job } = arrival.move;
    const problem = (what: string) => new GodwitError('JOB_STATE', { job, state: 'building', problem: what });
    await agent.faults.at('target.switch', job);
    if (!dir || !this.rounds || this.memory) throw problem('it has no rounds that could be over');
    const dirs = await this.rounds.end();
    if (dirs.length !== rounds) throw problem(`${dirs.length} rounds are here, not ${rounds}`);
    await this.awaitFinal(dir, mode, dirs);
  }

  /** Starts whatever takes the final dump's memory, and the restore, up to where they need images. */
  private async awaitFinal(dir: JobDir, mode: Mode, rounds: readonly string[]): Promise<void> {
    const { agent, arrival, scratch } = this;
    const { spec, pages, deadlineMs } = arrival;
    const { job } = arrival.move;
    const { signal } = this.all;
    this.filling = await this.fillingIn(mode, rounds.length);
    this.memory = await receiveMemory(agent, {
      filling: this.filling,
      move: arrival.move,
      uuid: spec.uuid,
      dir,
      rounds,
      pages,
      signal,
      deadlineMs,
    });
    // Pages that are filled in from this node's own rounds have all been received long before.
    const broken = this.filling === 'from-here' ? this.memory.filled : this.memory.received;
    broken.catch((error: unknown) => this.memoryBroke(error));
    scratch.add('the memory channel', () => this.memory?.close());
    const lazy = this.filling !== 'before';
    const restore = await Restore.begin(agent, { spec, dir, lazy, signal, deadlineMs });
    this.restore = restore;
    scratch.add('the hooks of the restore', () => restore.close());
    restore.done.catch(this.events.failed);
    this.frames = await takeFrames(agent, scratch, { job, spec, signal, deadlineMs });
  }

  private async fillingIn(mode: Mode, rounds: number): Promise<Filling> {
    if (pagesFollowIn(mode)) return 'from-source';
    const { spec, memoryBytes } = this.arrival;
    const lacks = missingFeatures('target', 'hybrid', (await this.agent.capabilities()).features, spec);
    if (rounds === 0 || lacks.length > 0 || !isFilledLater(memoryBytes)) return 'before';
    this.note({ filledFromHere: true });
    return 'from-here';
  }

  /**
   * Receives the images and builds the tasks; when it resolves they are complete and held.
   * @throws GodwitError TRANSFER_FAILED, RESTORE_FAILED
   */
  async build(): Promise<void> {
    const { agent, arrival, all, dir, events } = this;
    const { spec } = arrival;
    const { job } = arrival.move;
    if (!dir) throw new GodwitError('INTERNAL', { problem: 'nothing was reserved' });
    await agent.faults.at('target.build', job);
    const first = AbortSignal.any([all.signal, AbortSignal.timeout(FIRST_STREAM_MS)]);
    const control = await this.accept('control', first);
    control.once('close', events.sourceGone).resume();
    const images = await this.accept('images', first);
    events.phase('receive');
    const maxBytes = spec.memoryBytes + IMAGE_ROOM.bytes;
    await receiveImages({ stream: images, dir: dir.images, signal: all.signal, maxBytes });
    await this.rootfs?.complete;
    await agent.runtime.rootFilled(spec);
    if (spec.policy.rootfs === 'copy' && spec.os.initUser) await agent.runtime.define(spec);
    await agent.faults.at('target.images', job);
    const { memory, restore } = this;
    if (!memory || !restore) throw new GodwitError('INTERNAL', { problem: 'images before the switch' });
    events.phase(this.filling === 'from-here' ? 'pager' : 'memory');
    await memory.start(dir.images);
    events.phase('restore');
    await agent.faults.at('target.restore', job);
    memory.guard(await agent.runtime.cgroupOf(await restore.build(dir.images)));
  }

  /** For each directory that is copied, whether an older copy was here. */
  get bases(): readonly boolean[] {
    return this.rootfs?.bases ?? [];
  }

  async resume(): Promise<number> {
    const { agent, arrival, restore } = this;
    if (!restore) throw new GodwitError('INTERNAL', { problem: 'nothing was built' });
    this.resumed = true;
    const { initPid, resumedAtMs } = await restore.resume();
    this.frames?.release();
    const known = () => this.frames?.announced();
    announceAddresses(initPid, arrival.spec.interfaces, agent, known).catch((error: unknown) => {
      agent.log.warn({ job: arrival.move.job, err: error }, 'the new place could not be announced');
    });
    void watchIdle(agent, arrival.move.job, arrival.spec.name, initPid);
    return resumedAtMs;
  }

  /** No task of it has run: it was never let go, or its restore ended before it came to that. */
  get neverRan(): boolean {
    return !this.resumed || (this.restore?.neverRan ?? false);
  }

  /** What took the daemon of the pages may be taking the restore along, or is the restore's end; its tasks are frozen or held meanwhile. */
  private async memoryBroke(error: unknown): Promise<void> {
    if (this.resumed || tellsOfTheRestore(error)) await this.restore?.overWithin(RESTORE_END_MS);
    this.events.failed(error);
  }

  async taken(): Promise<void> {
    await this.restore?.done;
  }

  async received(): Promise<void> {
    await this.memory?.received;
  }

  async filled(): Promise<void> {
    await this.memory?.filled;
  }

  brokenWithin(ms: number): Promise<unknown> {
    const broken = this.memory?.received.then(
      () => undefined,
      (error: unknown) => error,
    );
    const ways = [broken, this.rootfs?.broken].filter((way) => way !== undefined);
    if (ways.length === 0) return Promise.resolve(undefined);
    return Promise.race([...ways, this.agent.clock.sleep(ms)]);
  }

  async undo(): Promise<void> {
    if (this.resumed) await killRunning(this.agent, this.arrival.spec.name);
    else await this.restore?.giveUp();
    this.all.abort(new GodwitError('MOVE_ABORTED', { problem: 'the move was undone' }));
    // What is just being set up ends with that, and is undone with the rest.
    await this.reserving?.catch(() => {});
    await this.revert(this.reverter);
    await this.revert(this.scratch);
  }

  async settle(): Promise<void> {
    this.all.abort(new GodwitError('MOVE_ABORTED', { problem: 'the move is over' }));
    await this.revert(this.scratch);
  }

  async freezeForGood(): Promise<void> {
    await freezeTasks(this.agent, this.arrival.spec.name);
  }

  async clear(): Promise<void> {
    await killTasks(this.agent, this.arrival.spec.name);
    await this.settle();
  }

  private accept(kind: 'control' | 'images', signal: AbortSignal): Promise<DataStream> {
    return this.agent.data.accept({ job: this.arrival.move.job, kind, index: 0 }, signal);
  }

  private async revert(reverter: Reverter): Promise<void> {
    for (const { what, error } of await reverter.revert())
      this.agent.log.warn({ job: this.arrival.move.job, what, err: error }, 'could not be undone');
  }
}

/** A root file system that is still to come says nothing of its users, and a restore asks for none. */
function withoutNames(spec: DomainSpec): DomainSpec {
  const { initUser: _later, ...os } = spec.os;
  return { ...spec, os };
}
