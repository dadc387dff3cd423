import type { Versioned } from '../../../agent/bus/bus.ts';
import { Driver } from '../../../agent/migration/driver.ts';
import { MovingRecord } from '../../../agent/migration/moving-record.ts';
import { abortMove, resolveDoubt } from '../../../agent/migration/source/operator.ts';
import { tellUntil } from '../../../agent/migration/tell.ts';
import {
  GodwitError,
  type Move,
  mustBeNoted,
  recoverSource,
  type Side,
  type SourceEffect,
  type SourceEvent,
  type SourcePhase,
  type SourceState,
  sourceStart,
  sourceStep,
  toGodwitError,
  type WireError,
} from '../../../protocol/mod.ts';
import { agentOf } from './agent-of.ts';
import { request } from './bus.ts';
import type { Life } from './life.ts';
import { JOB } from './names.ts';
import type { SimNode } from './node.ts';
import { failure, SourceCopy } from './source-copy.ts';
import { TargetMove } from './target-move.ts';
import type { World } from './world.ts';

const PREPARED_MS = 60_000;
const TELL_MS = 5_000;

/** What the target or the operator says. */
interface Word {
  readonly kind: string;
  readonly error?: WireError;
  readonly keep: Side;
  readonly force: boolean;
}

/** What the agent does for the core's effects at the source (agent/migration/source/move.ts), on a simulated host. */
export class SourceMove {
  private readonly world: World;
  private readonly node: SimNode;
  private readonly life: Life;
  private readonly copy: SourceCopy;
  private driver: Driver<SourceState, SourceEvent, SourceEffect>;
  private record: MovingRecord;
  private readonly move: Move;
  private told: Promise<unknown> = Promise.resolve();

  constructor(world: World, node: SimNode, life: Life, move: Move) {
    this.world = world;
    this.node = node;
    this.life = life;
    this.move = move;
    this.copy = new SourceCopy(world, node, life);
    this.record = this.recordFrom(undefined);
    this.driver = this.driverFrom(sourceStart(move));
  }

  get phase(): SourcePhase {
    return this.driver.state.phase;
  }

  /** Agreement with the target, streams, rounds. */
  async start(owned: Versioned): Promise<void> {
    const { world, life, node } = this;
    this.record = this.recordFrom(owned);
    try {
      node.keep({ side: 'source', state: this.driver.state }, true);
    } catch {
      node.move = undefined;
      return;
    }
    try {
      await this.ask('prepare', this.move, 15_000);
      if (this.phase !== 'preparing') return;
      world.control.open = true;
      world.control.closed.push(() =>
        life.after(world.weather.latencyMs(), () => this.failed('the target is gone')),
      );
      if (node.other.move instanceof TargetMove) node.other.move.streamsOpened();
      if (world.mode === 'precopy' || world.mode === 'hybrid') {
        await life.step(world.chance.skewed(50, 1_000), () => {});
        const pagesFollow = world.mode === 'hybrid' || world.chance.hits(0.3);
        await this.ask('switch', { pagesFollow }, 45_000);
        this.feed({ kind: 'way', pagesFollow });
      }
      this.feed({ kind: 'ready' });
    } catch (error) {
      this.failed(toGodwitError(error).message);
    }
  }

  recover(state: SourceState): void {
    this.driver = this.driverFrom(state);
    this.driver.enter((this.world.variant.recoverSource ?? recoverSource)(state));
  }

  async handle(verb: string, body: unknown): Promise<unknown> {
    const word = body as Word;
    switch (verb) {
      case 'report':
        this.feed({ kind: `target-${word.kind}`, error: word.error } as SourceEvent);
        return {};
      case 'abort':
        this.abort(new GodwitError('MOVE_ABORTED', { problem: 'the operator wants it' }));
        return {};
      case 'resolve':
        resolveDoubt(this.driver, word.keep, word.force);
        return {};
      default:
        return {};
    }
  }

  private abort(error: GodwitError): void {
    if (this.world.variant.abortsAlways)
      this.feed({ kind: 'abort', outcome: 'aborted', error: error.toWire() });
    else abortMove(this.driver, error, 'aborted');
  }

  /** Its criu was killed, by whomever. */
  broke(): void {
    this.copy.criuDied();
  }

  private broken(effect: SourceEffect, error: unknown): void {
    this.world.note(this.node.place, () => `${effect.kind} failed: ${toGodwitError(error).message}`);
    switch (effect.kind) {
      case 'undo':
        return this.feed({ kind: 'undone' });
      case 'kill':
        return this.feed({ kind: 'killed' });
      case 'claim':
      case 'commit':
      case 'settle':
        return this.feed({ kind: effect.kind, answer: 'unknown' });
      case 'resolve':
        return this.feed({ kind: 'resolve-cas', answer: 'unknown' });
      default:
        return this.failed(toGodwitError(error).message);
    }
  }

  private async perform(effect: SourceEffect): Promise<void> {
    const { record, world, copy } = this;
    world.note(this.node.place, () => `does ${effect.kind}`);
    switch (effect.kind) {
      case 'claim':
        return this.feed({ kind: 'claim', answer: await record.claim(world.mode) });
      case 'dump':
        await copy.freeze();
        return this.feed({ kind: 'frozen' });
      case 'ship': {
        const { move } = this.node.other;
        await copy.ship(() => move instanceof TargetMove && move.imagesArrived());
        this.node.clock(this.life).after(PREPARED_MS, () => this.failed('the target is silent'));
        return;
      }
      case 'commit':
        return this.feed({ kind: 'commit', answer: await record.commit() });
      case 'settle':
        return this.feed({ kind: 'settle', answer: await record.settle() });
      case 'ask':
        return this.feed({ kind: 'record', record: await record.ask() });
      case 'watch': {
        const seen = await record.watch();
        return seen && this.feed({ kind: 'record', record: seen });
      }
      case 'resolve':
        return this.feed({ kind: 'resolve-cas', answer: await record.resolve(effect.keep) });
      case 'tell-commit':
        return tellUntil(this.agent, 'commit', { epoch: this.move.epoch + 1 }, () => {
          const { targetRuns, phase } = this.driver.state;
          return targetRuns || phase !== 'committed';
        });
      case 'tell-abort':
        this.told = this.ask('abort', { reason: effect.reason }, TELL_MS).catch(() => {});
        return;
      case 'undo':
        await copy.undo();
        await record.giveBack();
        return this.feed({ kind: 'undone' });
      case 'kill':
        await copy.killTasks();
        return this.feed({ kind: 'killed' });
      case 'doubt':
        this.node.host.jobs.set(JOB, effect.ending.outcome);
        return;
      case 'end':
        return this.end(effect.ending.outcome);
    }
  }

  private async end(outcome: string): Promise<void> {
    const { host } = this.node;
    this.record.close();
    await this.told;
    await this.life.step(1, () => {
      host.jobs.set(JOB, outcome);
      host.notes.delete(JOB);
      this.node.move = undefined;
      this.world.note(this.node.place, () => `the job ended: ${outcome}`);
    });
  }

  private feed(event: SourceEvent): void {
    this.driver.feed(event);
  }

  private failed(problem: string): void {
    this.feed({ kind: 'failed', error: failure(problem) });
  }

  private ask(verb: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const { world, node, life } = this;
    return request(world, { place: node.place, life }, node.other, { verb, body, timeoutMs });
  }

  private driverFrom(start: SourceState): Driver<SourceState, SourceEvent, SourceEffect> {
    return new Driver<SourceState, SourceEvent, SourceEffect>({
      start,
      step: this.world.variant.sourceStep ?? sourceStep,
      perform: (effect) => this.perform(effect),
      broke: (effect, error) => this.broken(effect, error),
      before: () => undefined,
      persist: (state) => this.node.keep({ side: 'source', state }, mustBeNoted(state)),
    });
  }

  private get agent() {
    return agentOf(this.world, this.node, this.life);
  }

  private recordFrom(start: Versioned | undefined): MovingRecord {
    const { world, node, life } = this;
    return new MovingRecord(world.store.seenBy(node.place, life), node.clock(life), this.move, start);
  }
}
