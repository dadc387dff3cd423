import {
  type Ending,
  fromWire,
  GodwitError,
  type JobReport,
  type Move,
  pagesFollowIn,
  type SourceEffect,
  type SourceEvent,
  type SourceState,
  sourceStart,
  sourceStep,
  toGodwitError,
  type WireError,
} from '../../../protocol/mod.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import { criuLines } from '../criu-lines.ts';
import { Driver } from '../driver.ts';
import { MovingRecord } from '../moving-record.ts';
import { tellUntil } from '../tell.ts';
import { SourceCopy } from './copy.ts';
import { Figures } from './figures.ts';
import { tellAbort } from './tell-abort.ts';
import { WayFinder } from './way.ts';
import { givenUpError, type Peer, type Plan, type Way } from './words.ts';

/** How long the target may take to build its copy once it has the images. */
const PREPARED_MS = 60_000;
const PROGRESS_MS = 200;

/** The source's side of one move: performs what the handover core decides. */
export class SourceMove {
  /** Resolves when this side is done with the move, whatever the outcome. */
  readonly ended: Promise<Ending>;
  private readonly agent: Agent;
  private readonly plan: Plan;
  private readonly tracker: JobTracker;
  private readonly move: Move;
  private readonly record: MovingRecord;
  private readonly copy: SourceCopy;
  private readonly driver: Driver<SourceState, SourceEvent, SourceEffect>;
  private readonly figures: Figures;
  private way: Way;
  private readonly finder: WayFinder;
  private finish: (ending: Ending) => void = () => {};
  /** What went wrong at the target, when what broke here was only the effect. */
  private cause: WireError | undefined;
  /** The target has said itself why it failed. */
  private targetSpoke = false;
  private told: Promise<void> = Promise.resolve();
  private stopProgress: () => void = () => {};
  private stopPatience: () => void = () => {};

  constructor(agent: Agent, plan: Plan, peer: Peer, tracker: JobTracker) {
    const { record, revision } = plan.owned;
    this.agent = agent;
    this.plan = plan;
    this.tracker = tracker;
    this.move = {
      job: plan.job,
      container: record.name,
      source: record.owner,
      target: plan.target,
      epoch: record.epoch,
      revision,
      pagesFollow: pagesFollowIn(plan.mode),
    };
    this.record = new MovingRecord(agent.bus.records, agent.clock, this.move, { record, revision });
    this.way = { mode: plan.mode, rounds: 0 };
    this.finder = new WayFinder(agent, plan, tracker);
    this.copy = new SourceCopy(agent, plan, peer);
    this.figures = new Figures(plan.clockOffsetMs);
    this.ended = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.driver = new Driver<SourceState, SourceEvent, SourceEffect>({
      start: sourceStart(this.move),
      step: sourceStep,
      perform: (effect) => this.perform(effect),
      broke: (effect, error) => this.broke(effect, error),
      before: (effect) => agent.faults.at(`source.${effect.kind}`, plan.job),
    });
  }

  /** Goes on from an accepted `prepare` to the end. */
  start(): void {
    this.showProgress();
    const { source, target } = this.move;
    const gone = new GodwitError('TRANSFER_FAILED', { source, target, problem: `${target} went away` });
    this.finder
      .find(this.copy, () => this.failed(gone))
      .then(
        (way) => {
          this.way = way;
          this.driver.feed({ kind: 'way', pagesFollow: pagesFollowIn(way.mode) });
          this.driver.feed({ kind: 'ready' });
        },
        (error: unknown) => this.failed(error),
      );
  }

  /** @throws GodwitError JOB_STATE once the commit was sent */
  abort(reason: string, outcome: 'aborted' | 'timeout'): void {
    const { phase } = this.driver.state;
    if (!['preparing', 'claiming', 'freezing', 'frozen'].includes(phase))
      throw new GodwitError('JOB_STATE', {
        job: this.plan.job,
        state: phase,
        problem: 'it is decided and goes on',
      });
    const error = givenUpError(outcome, reason, this.plan.request.timeoutMs);
    this.driver.feed({ kind: 'abort', outcome, error: error.toWire() });
  }

  /** What is not named stays as it is. */
  adjust(changes: {
    readonly maxDowntimeMs?: number | undefined;
    readonly bandwidthBytesPerSecond?: number | undefined;
  }): void {
    this.finder.adjust(changes);
    if (changes.bandwidthBytesPerSecond === undefined) return;
    this.copy.meters.memory.setLimit(changes.bandwidthBytesPerSecond);
    this.copy.meters.images.setLimit(changes.bandwidthBytesPerSecond);
  }

  /** What the target says on the job's subject. */
  report(report: JobReport): void {
    this.tracker.addPhases(this.figures.onMyClock(report.phases));
    switch (report.kind) {
      case 'prepared':
        return this.driver.feed({ kind: 'target-prepared' });
      case 'failed':
        this.targetSpoke = true;
        return this.driver.feed({ kind: 'target-failed', error: reasonOf(report) });
      case 'running':
        this.figures.resumed(report.resumedAtMs ?? report.nowMs);
        this.tracker.phase(pagesFollowIn(this.way.mode) ? 'pages' : 'cleanup');
        if (pagesFollowIn(this.way.mode)) void this.agent.faults.at('source.pages', this.plan.job);
        return this.driver.feed({ kind: 'target-running' });
      case 'filled':
        this.figures.filled(report.nowMs);
        return this.driver.feed({ kind: 'target-filled' });
      case 'lost':
        return this.driver.feed({ kind: 'target-lost', error: reasonOf(report) });
    }
  }

  private async perform(effect: SourceEffect): Promise<void> {
    switch (effect.kind) {
      case 'claim':
        return this.driver.feed({ kind: 'claim', answer: await this.record.claim(this.way.mode) });
      case 'dump':
        return this.dump();
      case 'ship':
        return this.ship();
      case 'commit': {
        this.tracker.phase('commit');
        const answer = await this.record.commit();
        this.figures.committed(this.agent.clock.nowMs());
        return this.driver.feed({ kind: 'commit', answer });
      }
      case 'settle':
        return this.driver.feed({ kind: 'settle', answer: await this.record.settle() });
      case 'ask':
        return this.driver.feed({ kind: 'record', record: await this.record.ask() });
      case 'tell-commit':
        return this.tellCommit();
      case 'watch': {
        const record = await this.record.watch();
        return record && this.driver.feed({ kind: 'record', record });
      }
      case 'resolve':
        return this.driver.feed({ kind: 'resolve-cas', answer: await this.record.resolve(effect.keep) });
      case 'doubt':
        return this.finish(effect.ending);
      case 'tell-abort':
        this.told = this.tellAbort(effect.reason);
        return this.told;
      case 'undo':
        return this.undo();
      case 'kill':
        this.tracker.phase('cleanup');
        await this.copy.kill();
        return this.driver.feed({ kind: 'killed' });
      case 'end':
        return this.end(effect.ending);
    }
  }

  private broke(effect: SourceEffect, error: unknown): void {
    this.agent.log.warn(
      { job: this.plan.job, effect: effect.kind, err: error },
      'an effect of the move failed',
    );
    switch (effect.kind) {
      case 'undo':
        return this.driver.feed({ kind: 'undone' });
      case 'kill':
        return this.driver.feed({ kind: 'killed' });
      // A change of the record that ended in an exception may have been applied all the same.
      case 'claim':
      case 'commit':
      case 'settle':
        return this.driver.feed({ kind: effect.kind, answer: 'unknown' });
      case 'resolve':
        return this.driver.feed({ kind: 'resolve-cas', answer: 'unknown' });
      default:
        return this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.driver.feed({ kind: 'failed', error: toGodwitError(error).toWire() });
  }

  private async dump(): Promise<void> {
    this.tracker.phase('dump');
    await this.copy.freeze(this.way, {
      stopping: (atMs) => this.figures.stopping(atMs),
      frozen: (atMs) => this.figures.frozen(atMs),
    });
    this.driver.feed({ kind: 'frozen' });
  }

  private async ship(): Promise<void> {
    this.tracker.phase('images');
    await this.copy.ship();
    await this.agent.faults.at('source.shipped', this.plan.job);
    this.tracker.phase('restore');
    const details = { target: this.plan.target, timeoutMs: PREPARED_MS, doing: 'restoring' };
    this.stopPatience = this.agent.clock.after(PREPARED_MS, () => {
      this.driver.feed({ kind: 'failed', error: new GodwitError('TARGET_SILENT', details).toWire() });
    });
  }

  /** Silent about the container from here on: only the target may answer for it. */
  private async tellCommit(): Promise<void> {
    const { agent, move } = this;
    const { job, container, epoch } = move;
    const { revision } = this.record.current;
    const silent = agent.containers.release(container);
    const body = { type: 'io.godwit.v1.node.commit.request', job, container, epoch: epoch + 1, revision };
    await tellUntil(agent, agent.subjects.node(move.target, 'commit'), body, () => {
      const { targetRuns, phase } = this.driver.state;
      return targetRuns || phase === 'ended';
    });
    await silent;
  }

  private async tellAbort(reason: string): Promise<void> {
    const cause = await tellAbort(this.agent, this.move, reason);
    if (!this.targetSpoke) this.cause = cause;
  }

  /** The container first, then the record. */
  private async undo(): Promise<void> {
    const { containers } = this.agent;
    const { container } = this.move;
    this.tracker.phase('undo');
    await this.copy.undo();
    await this.record.giveBack();
    containers.saw(container, this.record.current);
    this.driver.feed({ kind: 'undone' });
  }

  private async end(decided: Ending): Promise<void> {
    this.stopProgress();
    this.stopPatience();
    this.record.close();
    await this.told;
    const ending = decided.outcome === 'failed' && this.cause ? { ...decided, error: this.cause } : decided;
    const { memory, images } = this.copy.meters;
    this.tracker.set({
      bytes: { memory: memory.bytes, images: images.bytes, rootfs: 0 },
      ...(ending.error ? { log: criuLines(ending.error) } : {}),
      ...(ending.outcome === 'done' ? this.figures.summary(pagesFollowIn(this.way.mode)) : {}),
    });
    this.finish(ending);
  }

  private showProgress(): void {
    const { memory, images } = this.copy.meters;
    const bytes = memory.bytes + images.bytes;
    this.tracker.progress({
      bytes,
      rateBytesPerSecond: memory.rateBytesPerSecond + images.rateBytesPerSecond,
      totalBytes: Math.max(this.plan.memoryBytes, this.finder.expectedBytes, bytes),
    });
    this.stopProgress = this.agent.clock.after(PROGRESS_MS, () => this.showProgress());
  }
}

function reasonOf(report: JobReport): WireError {
  if (report.error) return fromWire(report.error).toWire();
  return new GodwitError('INTERNAL', { problem: `${report.node} gave no reason` }).toWire();
}
