import { Driver } from '../../../agent/migration/driver.ts';
import { MovingRecord, withoutJob } from '../../../agent/migration/moving-record.ts';
import { tellUntil } from '../../../agent/migration/tell.ts';
import {
  GodwitError,
  LIMITS,
  type Move,
  mustBeNoted,
  recoverTarget,
  type TargetEffect,
  type TargetEvent,
  type TargetPhase,
  type TargetState,
  targetStart,
  targetStep,
  toGodwitError,
} from '../../../protocol/mod.ts';
import { agentOf } from './agent-of.ts';
import type { Life } from './life.ts';
import { JOB } from './names.ts';
import type { SimNode } from './node.ts';
import { failure } from './source-copy.ts';
import { TargetCopy } from './target-copy.ts';
import type { World } from './world.ts';

const FIRST_STREAM_MS = 15_000;

/** What the agent does for the core's effects at the target (agent/migration/target/move.ts), on a simulated host. */
export class TargetMove {
  private readonly world: World;
  private readonly node: SimNode;
  private readonly life: Life;
  private readonly copy: TargetCopy;
  private driver: Driver<TargetState, TargetEvent, TargetEffect>;
  private readonly record: MovingRecord;
  private takenOver: Promise<void> = Promise.resolve();
  private opened = false;
  private begun = true;

  constructor(world: World, node: SimNode, life: Life, move: Move) {
    this.world = world;
    this.node = node;
    this.life = life;
    this.copy = new TargetCopy(world, node, life);
    this.copy.onBroken(() => this.failed('its copy broke', this.neverRan));
    const records = world.store.seenBy(node.place, life);
    this.record = new MovingRecord(records, node.clock(life), move);
    this.driver = this.driverFrom(targetStart(move));
  }

  get phase(): TargetPhase {
    return this.driver.state.phase;
  }

  async reserve(): Promise<void> {
    try {
      this.node.keep({ side: 'target', state: this.driver.state }, true);
    } catch (error) {
      this.node.move = undefined;
      throw error;
    }
    await this.copy.reserve();
    this.node.clock(this.life).after(FIRST_STREAM_MS, () => {
      if (!this.opened) this.failed('no stream came');
    });
    this.copy
      .build(() => this.pagesFollow)
      .then(() => this.feed({ kind: 'built' }))
      .catch((error: unknown) => this.failed(toGodwitError(error).message));
  }

  recover(state: TargetState): void {
    this.begun = false;
    this.driver = this.driverFrom(state);
    this.driver.enter((this.world.variant.recoverTarget ?? recoverTarget)(state));
  }

  async handle(verb: string, body: unknown): Promise<unknown> {
    switch (verb) {
      case 'switch':
        this.mustBe('building');
        this.feed({ kind: 'way', pagesFollow: (body as Move).pagesFollow });
        return {};
      case 'commit':
        if (this.phase === 'building') this.mustBe('prepared');
        this.feed({ kind: 'commit', epoch: (body as Move).epoch });
        return {};
      case 'abort':
        this.feed({ kind: 'abort', error: failure('the source aborted') });
        return {};
      default:
        return {};
    }
  }

  streamsOpened(): void {
    this.opened = true;
    const { control, weather } = this.world;
    control.closed.push(() => this.life.after(weather.latencyMs(), () => this.sourceGone()));
  }

  imagesArrived(): void {
    this.copy.imagesArrived();
  }

  /** The copy or its pager broke on this host. */
  broke(): void {
    this.copy.broke();
  }

  private async perform(effect: TargetEffect): Promise<void> {
    const { record, copy, world } = this;
    world.note(this.node.place, () => `does ${effect.kind}`);
    switch (effect.kind) {
      case 'report-prepared':
        this.node.clock(this.life).after(LIMITS.verdictMs, () => this.feed({ kind: 'verdict-overdue' }));
        return this.report('prepared', () => this.phase !== 'prepared');
      case 'report-failed':
        return this.report('failed');
      case 'report-running':
        return this.report('running');
      case 'report-filled':
        return this.report('filled');
      case 'report-lost':
        return this.report('lost');
      case 'abort-cas':
        return this.feed({ kind: 'abort-cas', answer: await record.abort() });
      case 'ask':
        return this.feed({ kind: 'record', record: await record.ask() });
      case 'watch': {
        const seen = await record.watch();
        return seen && this.feed({ kind: 'record', record: seen });
      }
      case 'resume':
        return this.resume();
      case 'close':
        await this.takenOver;
        await record.become(withoutJob);
        return this.feed({ kind: 'closed' });
      case 'undo':
        await copy.undo();
        return this.feed({ kind: 'undone' });
      case 'return':
        return this.feed({ kind: 'return', answer: await record.handBack() });
      case 'freeze-lost':
        await copy.freezeForGood();
        await record.become((now) => ({ ...now, phase: 'lost' }));
        return this.feed({ kind: 'frozen-lost' });
      case 'clear':
        await copy.clear();
        return this.feed({ kind: 'cleared' });
      case 'doubt':
        this.node.host.jobs.set(JOB, effect.ending.outcome);
        return;
      case 'end':
        return this.end(effect.ending.outcome);
    }
  }

  private async resume(): Promise<void> {
    try {
      await this.copy.resume();
    } catch (error) {
      return this.failed(toGodwitError(error).message, this.neverRan);
    }
    this.takenOver = this.takeOver();
    this.feed({ kind: 'resumed' });
    await this.takenOver;
    if (!this.pagesFollow) return;
    await this.copy.received();
    this.feed({ kind: 'filled' });
  }

  private async takeOver(): Promise<void> {
    if (this.pagesFollow) await this.record.become((now) => ({ ...now, phase: 'filling' }));
  }

  private async end(outcome: string): Promise<void> {
    const { host } = this.node;
    this.record.close();
    if (outcome === 'done') await this.copy.settle();
    await this.life.step(1, () => {
      host.jobs.set(JOB, outcome);
      host.notes.delete(JOB);
      this.node.move = undefined;
      this.world.note(this.node.place, () => `its part ended: ${outcome}`);
    });
  }

  private broken(effect: TargetEffect, error: unknown): void {
    this.world.note(this.node.place, () => `${effect.kind} failed: ${toGodwitError(error).message}`);
    switch (effect.kind) {
      case 'undo':
        return this.feed({ kind: 'undone' });
      case 'abort-cas':
        return this.feed({ kind: 'abort-cas', answer: 'unknown' });
      case 'return':
        return this.feed({ kind: 'return', answer: 'unknown' });
      case 'freeze-lost':
        return this.feed({ kind: 'frozen-lost' });
      default:
        return this.failed(toGodwitError(error).message);
    }
  }

  private sourceGone(): void {
    if (this.phase === 'prepared') this.feed({ kind: 'verdict-overdue' });
    else if (this.phase === 'building') this.failed('the source is gone');
  }

  private get pagesFollow(): boolean {
    return this.driver.state.move.pagesFollow;
  }

  private report(kind: string, enough = () => false): Promise<void> {
    const body = { kind, error: failure(kind) };
    return tellUntil(agentOf(this.world, this.node, this.life), 'report', body, enough);
  }

  private failed(problem: string, neverRan = false): void {
    this.feed({ kind: 'failed', error: failure(problem), neverRan });
  }

  /** An agent that began the move hears when a task is let go; one that goes on with it cannot know. */
  private get neverRan(): boolean {
    return this.begun && this.node.host.copy === 'absent' && !this.node.host.hasRun;
  }

  private mustBe(phase: TargetPhase): void {
    if (this.phase !== phase)
      throw new GodwitError('JOB_STATE', { job: JOB, state: this.phase, problem: `it is not ${phase}` });
  }

  private feed(event: TargetEvent): void {
    this.driver.feed(event);
  }

  private driverFrom(start: TargetState): Driver<TargetState, TargetEvent, TargetEffect> {
    return new Driver<TargetState, TargetEvent, TargetEffect>({
      start,
      step: this.world.variant.targetStep ?? targetStep,
      perform: (effect) => this.perform(effect),
      broke: (effect, error) => this.broken(effect, error),
      before: () => undefined,
      persist: (state) => this.node.keep({ side: 'target', state }, mustBeNoted(state)),
    });
  }
}
