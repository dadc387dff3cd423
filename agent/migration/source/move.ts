import {
  type Ending,
  GodwitError,
  type Job,
  type JobReport,
  type Move,
  mustBeNoted,
  pagesFollowIn,
  recoverSource,
  type Side,
  type SourceEffect,
  type SourceEvent,
  type SourceState,
  sourceStep,
  toGodwitError,
  type WireError,
} from '../../../protocol/mod.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import { deferred } from '../deferred.ts';
import { Driver } from '../driver.ts';
import type { Journal } from '../journal.ts';
import type { MovingRecord } from '../moving-record.ts';
import { persistently } from '../persistently.ts';
import { isSymptom } from '../symptom.ts';
import { eventOfBroken } from './broken-effect.ts';
import type { Figures } from './figures.ts';
import type { SourceNotes } from './notes.ts';
import { abortMove, resolveDoubt } from './operator.ts';
import { adjust, type Changes, type Outgoing, type SourceParts } from './parts.ts';
import { Presence } from './presence.ts';
import { showProgress } from './progress.ts';
import { reasonOf } from './reason.ts';
import { tellAbort } from './tell-abort.ts';
import { tellCommit } from './tell-commit.ts';
import { givenUpError, type MovingCopy, type Plan } from './words.ts';

/** How long the target may take to build its copy once it has the images. */
const PREPARED_MS = 60_000;

/** The source's side of one move: performs what the handover core decides. */
export class SourceMove {
  /** Resolves when this side is done with the move, or waits for an operator's decision. */
  readonly ended: Promise<Ending>;
  /** Resolves when this side is done with the move, whatever the outcome. */
  readonly settled: Promise<Ending>;
  private readonly agent: Agent;
  private readonly plan: Plan;
  private readonly tracker: JobTracker;
  private readonly journal: Journal<SourceNotes>;
  private readonly move: Move;
  private readonly record: MovingRecord;
  private readonly copy: MovingCopy;
  private readonly outgoing: Outgoing | undefined;
  private readonly driver: Driver<SourceState, SourceEvent, SourceEffect>;
  private readonly figures: Figures;
  private readonly presence: Presence;
  private readonly finishing = deferred<Ending>();
  private readonly settling = deferred<Ending>();
  /** What went wrong at the target, when what broke here was only the effect. */
  private cause: WireError | undefined;
  private told: Promise<void> = Promise.resolve();
  private stopProgress: () => void = () => {};
  private stopPatience: () => void = () => {};

  constructor(agent: Agent, { journal, tracker, record, figures, copy, outgoing }: SourceParts) {
    const { plan, state } = journal.notes;
    this.agent = agent;
    this.ended = this.finishing.promise;
    this.settled = this.settling.promise;
    this.plan = plan;
    this.tracker = tracker;
    this.journal = journal;
    this.move = state.move;
    this.record = record;
    this.figures = figures;
    this.copy = copy;
    this.presence = new Presence(agent, journal);
    this.outgoing = outgoing;
    this.driver = new Driver<SourceState, SourceEvent, SourceEffect>({
      start: state,
      step: sourceStep,
      perform: (effect) => this.perform(effect),
      broke: (effect, error) => this.broke(effect, error),
      before: (effect) => agent.faults.at(`source.${effect.kind}`, plan.job),
      persist: (changed) => journal.note({ state: changed }, mustBeNoted(changed)),
    });
  }

  /** Goes on from an accepted `prepare` to the end. */
  start(): void {
    const { copy, finder } = this.live();
    const { memoryBytes, rootfsBytes } = this.plan;
    const expected = () => rootfsBytes + Math.max(memoryBytes, finder.expectedBytes);
    this.stopProgress = showProgress(this.agent.clock, this.tracker, copy.meters, expected);
    const { source, target } = this.move;
    const gone = new GodwitError('TRANSFER_FAILED', { source, target, problem: `${target} went away` });
    finder
      .find(copy, () => this.failed(gone))
      .then(
        (way) => {
          this.journal.note({ way });
          this.driver.feed({ kind: 'way', pagesFollow: pagesFollowIn(way.mode) });
          this.driver.feed({ kind: 'ready' });
        },
        (error: unknown) => this.failed(error),
      );
  }

  /** Goes on with a move that an earlier agent left. */
  recover(): void {
    this.driver.enter(recoverSource(this.driver.state));
  }

  get isOver(): boolean {
    return this.driver.state.phase === 'ended';
  }

  get container(): string {
    return this.move.container;
  }

  /** @throws GodwitError JOB_STATE once the commit was sent */
  abort(reason: string, outcome: 'aborted' | 'timeout'): void {
    abortMove(this.driver, givenUpError(outcome, reason, this.plan.request.timeoutMs), outcome);
  }

  /** @param force the operator says that the target's copy is gone for good. @throws GodwitError JOB_STATE */
  resolve(keep: Side, force: boolean): void {
    resolveDoubt(this.driver, keep, force);
  }

  /** What is not named stays as it is. */
  adjust(changes: Changes): void {
    if (this.outgoing) adjust(this.outgoing, changes);
  }

  /** What the target says on the job's subject. */
  report(report: JobReport): void {
    this.tracker.addPhases(this.figures.onMyClock(report.phases));
    switch (report.kind) {
      case 'prepared':
        return this.driver.feed({ kind: 'target-prepared' });
      case 'failed': {
        const error = reasonOf(report);
        if (!isSymptom(error)) this.cause = error; // Its streams may have ended here before this came.
        return this.driver.feed({ kind: 'target-failed', error });
      }
      case 'running':
        this.figures.resumed(report.resumedAtMs ?? report.nowMs);
        this.tracker.phase(this.pagesFollow ? 'pages' : 'cleanup');
        if (this.pagesFollow) {
          void this.presence.end();
          void this.agent.faults.at('source.pages', this.plan.job);
        }
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
        return this.driver.feed({
          kind: 'claim',
          answer: await this.record.claim(this.journal.notes.way.mode),
        });
      case 'dump':
        return this.dump();
      case 'ship':
        return this.ship();
      case 'commit': {
        this.tracker.phase('commit');
        await this.copy.fenced();
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
        this.tracker.set(this.figuresOf(effect.ending));
        return this.finishing.resolve(effect.ending);
      case 'tell-abort':
        this.told = tellAbort(this.agent, this.move, effect.reason).then((cause) => {
          this.cause ??= cause;
        });
        return this.told;
      case 'undo':
        return this.undo();
      case 'kill':
        this.tracker.phase('cleanup');
        await persistently(this.agent, { job: this.plan.job, what: 'kill' }, () => this.copy.kill());
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
    this.driver.feed(eventOfBroken(effect, error));
  }

  private failed(error: unknown): void {
    this.driver.feed({ kind: 'failed', error: toGodwitError(error).toWire() });
  }

  private async dump(): Promise<void> {
    this.tracker.phase('dump');
    await this.live().copy.freeze(this.journal.notes.way, {
      stopping: (atMs) => this.figures.stopping(atMs),
      frozen: (atMs) => this.figures.frozen(atMs),
    });
    this.tracker.set({ frozenCopy: true });
    this.driver.feed({ kind: 'frozen' });
  }

  private async ship(): Promise<void> {
    this.tracker.phase('images');
    await this.live().copy.ship();
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
    const silent = agent.containers.release(move.container);
    await tellCommit(agent, move, this.record.revision, () => {
      const { targetRuns, phase } = this.driver.state;
      return targetRuns || phase !== 'committed';
    });
    await silent;
  }

  /** The container first, then the record. */
  private async undo(): Promise<void> {
    const { containers } = this.agent;
    this.tracker.phase('undo');
    await persistently(this.agent, { job: this.plan.job, what: 'undo' }, () =>
      this.presence.restore(() => this.copy.undo()),
    );
    await this.record.giveBack();
    if (containers.has(this.container)) containers.saw(this.container, this.record.current);
    else await containers.adopt(this.record.current);
    this.driver.feed({ kind: 'undone' });
  }

  private async end(decided: Ending): Promise<void> {
    this.stopProgress();
    this.stopPatience();
    this.record.close();
    await this.told;
    const ending = decided.outcome === 'failed' && this.cause ? { ...decided, error: this.cause } : decided;
    this.tracker.set({ frozenCopy: false, ...this.figuresOf(ending) });
    await this.journal.close();
    this.finishing.resolve(ending);
    this.settling.resolve(ending);
  }

  private figuresOf(ending: Ending): Partial<Job> {
    return this.figures.outcome(ending, this.pagesFollow, this.outgoing && this.copy.meters);
  }

  private get pagesFollow(): boolean {
    return pagesFollowIn(this.journal.notes.way.mode);
  }

  /** @throws GodwitError INTERNAL in a move that another agent began: it goes on to its end only */
  private live(): Outgoing {
    if (!this.outgoing)
      throw new GodwitError('INTERNAL', { problem: 'a move that was left cannot begin again' });
    return this.outgoing;
  }
}
