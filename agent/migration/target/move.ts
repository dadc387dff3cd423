import { LIMITS } from '../../../protocol/limits.ts';
import {
  type ContainerRecord,
  type Ending,
  GodwitError,
  type JobPhase,
  type JobReport,
  type Mode,
  pagesFollowIn,
  type TargetEffect,
  type TargetEvent,
  type TargetState,
  targetStart,
  targetStep,
  toGodwitError,
  type WireError,
} from '../../../protocol/mod.ts';
import type { FaultPoint } from '../../faults/points.ts';
import type { Agent, Arriving } from '../agent.ts';
import { Driver } from '../driver.ts';
import { MovingRecord, withoutJob } from '../moving-record.ts';
import { tellUntil } from '../tell.ts';
import { type Arrival, TargetCopy } from './copy.ts';

/** How long an abort waits for the reason of a failure that is just coming to light here. */
const CAUSE_MS = 700;

/** The target's side of one move: performs what the handover core decides. */
export class TargetMove implements Arriving {
  readonly ended: Promise<Ending>;
  private readonly agent: Agent;
  private readonly arrival: Arrival;
  private readonly record: MovingRecord;
  private readonly copy: TargetCopy;
  private readonly driver: Driver<TargetState, TargetEvent, TargetEffect>;
  private readonly phases: JobPhase[] = [];
  private resumedAtMs: number | undefined;
  private takenOver: Promise<void> | undefined;
  private stopWaiting: () => void = () => {};
  private finish: (ending: Ending) => void = () => {};

  constructor(agent: Agent, arrival: Arrival) {
    this.agent = agent;
    this.arrival = arrival;
    this.record = new MovingRecord(agent.bus.records, agent.clock, arrival.move);
    this.copy = new TargetCopy(agent, arrival, {
      phase: (name) => this.phase(name),
      sourceGone: () => this.sourceGone(),
      failed: (error) => this.failed(error),
    });
    this.ended = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.driver = new Driver<TargetState, TargetEvent, TargetEffect>({
      start: targetStart(arrival.move),
      step: targetStep,
      perform: (effect) => this.perform(effect),
      broke: (effect, error) => this.broke(effect, error),
      before: (effect) => agent.faults.at(`target.${effect.kind}`, arrival.move.job),
    });
  }

  get container(): string {
    return this.arrival.spec.name;
  }

  /** @throws GodwitError HOST_FAILED, RUNTIME_FAILED, RESTORE_FAILED; nothing is left then */
  reserve(): Promise<void> {
    this.phase('prepare');
    return this.copy.reserve();
  }

  /** Waits for the images and goes on from there to the end. */
  start(): void {
    this.copy.build().then(
      () => this.driver.feed({ kind: 'built' }),
      (error: unknown) => this.failed(error),
    );
  }

  /** @throws GodwitError JOB_STATE when it is not in its rounds; RESTORE_FAILED */
  async switch(mode: Mode, rounds: number): Promise<void> {
    const { job } = this.arrival.move;
    const { phase } = this.driver.state;
    if (phase !== 'building')
      throw new GodwitError('JOB_STATE', { job, state: phase, problem: 'its rounds are over' });
    this.driver.feed({ kind: 'way', pagesFollow: pagesFollowIn(mode) });
    await this.copy.switch(mode, rounds);
  }

  /** @throws GodwitError JOB_STATE before it is prepared */
  commit(epoch: number): void {
    const { phase } = this.driver.state;
    const { job } = this.arrival.move;
    if (phase === 'building')
      throw new GodwitError('JOB_STATE', { job, state: phase, problem: 'not prepared yet' });
    this.driver.feed({ kind: 'commit', epoch });
  }

  async abort(reason: string): Promise<WireError | undefined> {
    // The source may just have felt what broke here; the cause is worth a moment.
    const cause = await this.copy.brokenWithin(CAUSE_MS);
    this.driver.feed({ kind: 'abort', error: new GodwitError('MOVE_ABORTED', { problem: reason }).toWire() });
    await this.ended;
    return cause === undefined ? undefined : toGodwitError(cause).toWire();
  }

  private async perform(effect: TargetEffect): Promise<void> {
    switch (effect.kind) {
      case 'report-prepared':
        this.phase('prepared');
        this.stopWaiting = this.agent.clock.after(LIMITS.verdictMs, () => this.verdictOverdue());
        return this.report({ kind: 'prepared' });
      case 'report-failed':
        return this.report({ kind: 'failed', error: effect.error });
      case 'report-running':
        return this.report({
          kind: 'running',
          ...(this.resumedAtMs ? { resumedAtMs: this.resumedAtMs } : {}),
        });
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
        await this.close();
        return this.driver.feed({ kind: 'closed' });
      case 'undo':
        this.stopWaiting();
        await this.copy.undo();
        return this.driver.feed({ kind: 'undone' });
      case 'freeze-lost':
        await this.lose();
        return this.driver.feed({ kind: 'frozen-lost' });
      case 'doubt':
        return this.finish(effect.ending);
      case 'end':
        return this.end(effect.ending);
    }
  }

  private broke(effect: TargetEffect, error: unknown): void {
    const { job } = this.arrival.move;
    this.agent.log.warn({ job, effect: effect.kind, err: error }, 'an effect of the move failed');
    switch (effect.kind) {
      case 'undo':
        return this.driver.feed({ kind: 'undone' });
      case 'abort-cas':
        return this.driver.feed({ kind: 'abort-cas', answer: 'unknown' });
      case 'freeze-lost':
        return this.driver.feed({ kind: 'frozen-lost' });
      default:
        return this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.driver.feed({ kind: 'failed', error: toGodwitError(error).toWire() });
  }

  /** First the tasks run; then the source, the record and the pages. */
  private async resume(): Promise<void> {
    const { copy } = this;
    this.stopWaiting();
    this.phase('resume');
    this.resumedAtMs = await copy.resume();
    await this.strike('target.resumed');
    this.takenOver = this.takeOver();
    this.driver.feed({ kind: 'resumed' });
    await this.takenOver;
    if (!this.pagesFollow) return;
    await this.strike('target.pages');
    await copy.received();
    this.driver.feed({ kind: 'filled' });
  }

  private get pagesFollow(): boolean {
    return this.driver.state.move.pagesFollow;
  }

  /** The runtime owns the tasks, also when it stumbles, for they run here. With pages on their way the record says so. */
  private async takeOver(): Promise<void> {
    const { agent, arrival, copy } = this;
    const { job } = arrival.move;
    await copy.taken().catch((error: unknown) => {
      agent.log.error({ job, err: error }, 'the container runs, but the runtime did not take it over');
    });
    if (!this.pagesFollow) return;
    const filling = (record: ContainerRecord): ContainerRecord => ({ ...record, phase: 'filling' });
    await agent.containers.adopt(await this.record.become(filling));
  }

  /** Every page is on this node: it answers for the container alone from here on. */
  private async close(): Promise<void> {
    await this.takenOver;
    await this.agent.containers.adopt(await this.record.become(withoutJob));
  }

  /** While it is built that is the end; once prepared the record decides; later nobody needs the source's word. */
  private sourceGone(): void {
    const { source, target } = this.arrival.move;
    if (this.driver.state.phase === 'prepared') return this.verdictOverdue();
    if (this.driver.state.phase !== 'building') return;
    this.failed(new GodwitError('TRANSFER_FAILED', { source, target, problem: `${source} went away` }));
  }

  private verdictOverdue(): void {
    this.driver.feed({ kind: 'verdict-overdue' });
  }

  private async report(report: Omit<Partial<JobReport>, 'type'> & Pick<JobReport, 'kind'>): Promise<void> {
    const { agent, arrival } = this;
    const { job } = arrival.move;
    const nowMs = agent.clock.nowMs();
    const phases = this.phases.map((phase) => ({ ...phase, endMs: phase.endMs ?? nowMs }));
    const body = { type: 'io.godwit.v1.job.report', job, node: agent.config.node, nowMs, phases, ...report };
    // A source that heard of an abort, or was told `prepared` by the record's commit, needs the word no more.
    const enough = () => report.kind === 'prepared' && this.driver.state.phase !== 'prepared';
    await tellUntil(agent, agent.subjects.job(job, 'report'), body, enough);
  }

  private phase(name: string): void {
    const nowMs = this.agent.clock.nowMs();
    const open = this.phases.pop();
    if (open) this.phases.push({ ...open, endMs: open.endMs ?? nowMs });
    this.phases.push({ name, node: this.agent.config.node, startMs: nowMs });
  }

  /** A lost container stays as it is, frozen, with its daemon: nothing may make it run. */
  private async end(ending: Ending): Promise<void> {
    this.record.close();
    if (ending.outcome === 'done') {
      if (!this.pagesFollow || (await this.fill())) {
        await this.strike('target.settle');
        await this.copy.settle();
      }
    }
    this.finish(ending);
  }

  /** Every page is on this node; the source is gone, and only this node's own daemon can still fail. */
  private async fill(): Promise<boolean> {
    const { agent, arrival, copy } = this;
    await this.strike('target.fill');
    try {
      await copy.filled();
    } catch (error) {
      agent.log.error({ job: arrival.move.job, err: error }, 'the pages are here, but not in the container');
      await this.lose();
      return false;
    }
    return true;
  }

  private async strike(point: FaultPoint): Promise<void> {
    await this.agent.faults.at(point, this.arrival.move.job);
  }

  /** It must never run on missing pages. */
  private async lose(): Promise<void> {
    await this.copy.freezeForGood();
    await this.agent.containers.adopt(await this.record.become((record) => ({ ...record, phase: 'lost' })));
  }
}
