import { LIMITS } from '../../../protocol/limits.ts';
import {
  type Ending,
  GodwitError,
  type Mode,
  type Move,
  mustBeNoted,
  pagesFollowIn,
  recoverTarget,
  type TargetEffect,
  type TargetEvent,
  type TargetState,
  targetStep,
  toGodwitError,
  type WireError,
} from '../../../protocol/mod.ts';
import type { FaultPoint } from '../../faults/points.ts';
import type { Agent, Arriving } from '../agent.ts';
import { Driver } from '../driver.ts';
import type { Journal } from '../journal.ts';
import { MovingRecord } from '../moving-record.ts';
import { persistently } from '../persistently.ts';
import { causeHere } from './cause.ts';
import { TargetCopy } from './copy.ts';
import { arrivalIn, isFilledLater, type TargetNotes } from './notes.ts';
import type { TargetParts } from './parts.ts';
import { type Report, reportTo, withPhase } from './report.ts';
import { Tenancy } from './tenancy.ts';
import type { ArrivingCopy } from './words.ts';

/** The target's side of one move: performs what the handover core decides. */
export class TargetMove implements Arriving {
  readonly ended: Promise<Ending>;
  readonly container: string;
  private readonly agent: Agent;
  private readonly journal: Journal<TargetNotes>;
  private readonly move: Move;
  private readonly record: MovingRecord;
  private readonly copy: ArrivingCopy;
  /** The same copy, in a move that this agent began itself. */
  private readonly incoming: TargetCopy | undefined;
  private readonly driver: Driver<TargetState, TargetEvent, TargetEffect>;
  private readonly tenancy: Tenancy;
  private takenOver: Promise<void> | undefined;
  private readonly strike = (point: FaultPoint) => this.agent.faults.at(point, this.move.job);
  /** The source has its answer to an abort; it may have begun once more, and must hear nothing of this move then. */
  private answered = false;
  private stopWaiting: () => void = () => {};
  private finish: (ending: Ending) => void = () => {};

  constructor(agent: Agent, { journal, copyOf }: TargetParts) {
    const { state } = journal.notes;
    this.agent = agent;
    this.journal = journal;
    this.move = state.move;
    this.container = state.move.container;
    this.record = new MovingRecord(agent.bus.records, agent.clock, state.move);
    this.copy = copyOf({
      phase: (name) => this.phase(name),
      sourceGone: () => this.sourceGone(),
      failed: (error) => this.failed(error),
    });
    this.incoming = this.copy instanceof TargetCopy ? this.copy : undefined;
    this.tenancy = new Tenancy(agent, this.move, this.record, this.copy);
    this.ended = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.driver = new Driver<TargetState, TargetEvent, TargetEffect>({
      start: state,
      step: targetStep,
      perform: (effect) => this.perform(effect),
      broke: (effect, error) => this.broke(effect, error),
      before: (effect) => agent.faults.at(`target.${effect.kind}`, state.move.job),
      persist: (changed) => journal.note({ state: changed }, mustBeNoted(changed)),
    });
  }

  get spec() {
    return arrivalIn(this.journal.notes).spec;
  }

  /** Goes on with a move that an earlier agent left. */
  recover(): void {
    this.driver.enter(recoverTarget(this.driver.state));
  }

  /** @throws GodwitError HOST_FAILED, RUNTIME_FAILED, RESTORE_FAILED; nothing is left then */
  async reserve(): Promise<{ readonly bases: readonly boolean[] }> {
    this.phase('prepare');
    try {
      await this.begun().reserve();
      return this.begun();
    } catch (error) {
      await this.journal.close();
      throw error;
    }
  }

  /** Waits for the images and goes on from there to the end. */
  start(): void {
    this.begun()
      .build()
      .then(() => this.driver.feed({ kind: 'built' }))
      .catch((error: unknown) => this.failed(error));
  }

  /** @throws GodwitError JOB_STATE when it is not in its rounds; RESTORE_FAILED */
  async switch(mode: Mode, rounds: number): Promise<void> {
    const { job } = this.move;
    const { phase } = this.driver.state;
    if (phase !== 'building')
      throw new GodwitError('JOB_STATE', { job, state: phase, problem: 'its rounds are over' });
    this.driver.feed({ kind: 'way', pagesFollow: pagesFollowIn(mode) });
    this.journal.note({ mode });
    await this.begun().switch(mode, rounds);
  }

  /** @throws GodwitError JOB_STATE before it is prepared */
  commit(epoch: number): void {
    const { phase, move } = this.driver.state;
    if (phase === 'building')
      throw new GodwitError('JOB_STATE', { job: move.job, state: phase, problem: 'not prepared yet' });
    this.driver.feed({ kind: 'commit', epoch });
  }

  async abort(reason: string): Promise<WireError | undefined> {
    const cause = await causeHere(this.copy, () => this.driver.state.ending?.error);
    this.driver.feed({ kind: 'abort', error: new GodwitError('MOVE_ABORTED', { problem: reason }).toWire() });
    await this.ended;
    this.answered = true;
    return cause;
  }

  private async perform(effect: TargetEffect): Promise<void> {
    switch (effect.kind) {
      case 'report-prepared':
        this.phase('prepared');
        this.stopWaiting = this.agent.clock.after(LIMITS.verdictMs, () => this.verdictOverdue());
        return this.report({ kind: 'prepared' });
      case 'report-failed':
        return this.report({ kind: 'failed', error: effect.error });
      case 'report-running': {
        const { resumedAtMs } = this.journal.notes;
        return this.report({ kind: 'running', ...(resumedAtMs === undefined ? {} : { resumedAtMs }) });
      }
      case 'report-filled':
        return this.report({ kind: 'filled' });
      case 'report-lost':
        return this.report({ kind: 'lost', error: effect.error });
      case 'abort-cas':
        return this.driver.feed({ kind: 'abort-cas', answer: await this.record.abort() });
      case 'ask':
        return this.driver.feed({ kind: 'record', record: await this.record.ask() });
      case 'watch': {
        const record = await this.record.watch();
        return record && this.driver.feed({ kind: 'record', record });
      }
      case 'resume':
        return this.resume();
      case 'close':
        await (this.takenOver ?? this.tenancy.take());
        await this.tenancy.close();
        return this.driver.feed({ kind: 'closed' });
      case 'undo':
        await this.undo();
        return this.driver.feed({ kind: 'undone' });
      case 'return':
        return this.driver.feed({ kind: 'return', answer: await this.tenancy.handBack() });
      case 'freeze-lost':
        await this.tenancy.lose();
        return this.driver.feed({ kind: 'frozen-lost' });
      case 'clear':
        await persistently(this.agent, { job: this.move.job, what: 'clear' }, () => this.copy.clear());
        await this.tenancy.settle();
        return this.driver.feed({ kind: 'cleared' });
      case 'doubt':
        return this.finish(effect.ending);
      case 'end':
        return this.end(effect.ending);
    }
  }

  private broke(effect: TargetEffect, error: unknown): void {
    const { job } = this.move;
    this.agent.log.warn({ job, effect: effect.kind, err: error }, 'an effect of the move failed');
    switch (effect.kind) {
      case 'undo':
        return this.driver.feed({ kind: 'undone' });
      case 'abort-cas':
        return this.driver.feed({ kind: 'abort-cas', answer: 'unknown' });
      case 'return':
        return this.driver.feed({ kind: 'return', answer: 'unknown' });
      case 'freeze-lost':
        return this.driver.feed({ kind: 'frozen-lost' });
      default:
        return this.failed(error);
    }
  }

  /** Pages that the source does not bring are no defect of the copy here: then the source may have nothing to go on with. */
  private failed(error: unknown): void {
    const wire = toGodwitError(error).toWire();
    const neverRan = wire.code === 'RESTORE_FAILED' && (this.incoming?.neverRan ?? false);
    this.driver.feed({ kind: 'failed', error: wire, neverRan });
  }

  /** First the tasks run; then the source, the record and the pages. */
  private async resume(): Promise<void> {
    const { copy } = this;
    if (this.driver.state.phase !== 'resuming') return; // It broke meanwhile, and is being given up.
    this.stopWaiting();
    this.phase('resume');
    this.journal.note({ resumedAtMs: await copy.resume() });
    await this.strike('target.resumed');
    const { pagesFollow } = this.driver.state.move;
    this.takenOver = this.tenancy.begin(pagesFollow);
    this.driver.feed({ kind: 'resumed' });
    await this.takenOver;
    if (!pagesFollow) return;
    await this.strike('target.pages');
    await copy.received();
    this.driver.feed({ kind: 'filled' });
  }

  /** It may have been this node's already, when an operator gives it back to the source. */
  private async undo(): Promise<void> {
    const { agent, move, copy } = this;
    this.stopWaiting();
    await agent.containers.release(move.container);
    await persistently(agent, { job: move.job, what: 'undo' }, () => copy.undo());
  }

  /** While it is built that is the end; once prepared the record decides; later nobody needs the source's word. */
  private sourceGone(): void {
    const { source, target } = this.move;
    if (this.driver.state.phase === 'prepared') return this.verdictOverdue();
    if (this.driver.state.phase !== 'building') return;
    this.failed(new GodwitError('TRANSFER_FAILED', { source, target, problem: `${source} went away` }));
  }

  private verdictOverdue(): void {
    this.driver.feed({ kind: 'verdict-overdue' });
  }

  /**
   * A source that heard of an abort, asked anew and has another place, or was told `prepared` by the record's commit, needs the word
   * no more.
   */
  private report(words: Report): Promise<void> {
    const { arriving } = this.agent;
    const { job } = this.move;
    const enough = () =>
      this.answered ||
      (arriving.get(job) ?? this) !== this ||
      (words.kind === 'prepared' && this.driver.state.phase !== 'prepared');
    return reportTo(this.agent, this.move.job, this.journal.notes.phases, words, enough);
  }

  private phase(name: string): void {
    const { clock, config } = this.agent;
    const { phases } = this.journal.notes;
    this.journal.note({ phases: withPhase(phases, { name, node: config.node, startMs: clock.nowMs() }) });
  }

  /** @throws GodwitError INTERNAL in a move that another agent began: it goes on to its end only */
  private begun(): TargetCopy {
    if (!this.incoming)
      throw new GodwitError('INTERNAL', { problem: 'a move that was left cannot begin again' });
    return this.incoming;
  }

  /** A container whose memory is here but cannot be put in its place stays as it is, frozen: nothing may make it run. */
  private async end(ending: Ending): Promise<void> {
    this.record.close();
    let over = true;
    if (ending.outcome === 'done') {
      over = !isFilledLater(this.journal.notes) || (await this.fill());
      if (over) {
        await this.strike('target.settle');
        await this.copy.settle();
      }
    }
    if (over) await this.journal.close();
    this.finish(ending);
  }

  /** Every page is on this node; the source is gone, and only this node's own daemon can still fail. */
  private async fill(): Promise<boolean> {
    const { agent, move, copy } = this;
    await this.strike('target.fill');
    try {
      await copy.filled();
    } catch (error) {
      agent.log.error({ job: move.job, err: error }, 'the pages are here, but not in the container');
      await this.tenancy.lose();
      return false;
    }
    return true;
  }
}
