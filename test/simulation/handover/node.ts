import { GodwitError, type SourceState, type TargetState } from '../../../protocol/mod.ts';
import { jobInfo, nodeInfo } from './doubt.ts';
import { type Copy, Host } from './host.ts';
import { driftingClock, Life } from './life.ts';
import { JOB } from './names.ts';
import { comesFirst, keepLooking, readPatiently, repair, repairLate } from './repair.ts';
import { SourceMove } from './source-move.ts';
import { TargetMove } from './target-move.ts';
import type { World } from './world.ts';

/** What one side of a move writes down before each step. */
export type Notes =
  | { readonly side: 'source'; readonly state: SourceState }
  | { readonly side: 'target'; readonly state: TargetState };

/** A machine with an agent that can die and come back. */
export class SimNode {
  readonly place: 'S' | 'T';
  readonly host: Host;
  other: SimNode = this;
  life: Life | undefined;
  move: SourceMove | TargetMove | undefined;
  /** It answers on the bus: everything it found at its start is under way again. */
  serves = false;
  starts = 0;
  /** Somebody makes the container true already. */
  repairing = false;
  doubts = false;
  private readonly world: World;
  private stoppedUntilMs = 0;
  private readonly drift: number;

  constructor(world: World, place: 'S' | 'T', copy: Copy) {
    this.world = world;
    this.place = place;
    this.host = new Host(world.timeline, place, copy);
    this.drift = world.chance.between(0.7, 1.4);
  }

  clock(life: Life) {
    return driftingClock(life, this.world.timeline, this.drift);
  }

  /** An agent starts: it reads the record, goes on with the moves it finds notes of, and then it answers. */
  start(delayMs: number): void {
    const { world } = this;
    if (this.life) return;
    const life = new Life(world.timeline, () => this.stoppedUntilMs);
    this.life = life;
    world.note(this.place, () => 'agent starts');
    this.starts += 1;
    life.after(delayMs, () => void this.begin(life));
  }

  private async begin(life: Life): Promise<void> {
    const { world, host } = this;
    const seen = await readPatiently(world, this, life);
    const notes = host.notes.get(JOB) as Notes | undefined;
    if (!notes && comesFirst(seen, this)) await repair(world, this, life, seen);
    if (notes) this.recover(life, notes);
    this.serves = true;
    if (!notes && !comesFirst(seen, this)) await repair(world, this, life, seen);
    void keepLooking(world, this, life);
  }

  private recover(life: Life, notes: Notes): void {
    const { world } = this;
    world.note(this.place, () => `goes on as ${notes.side} that was ${notes.state.phase}`);
    if (notes.side === 'source') {
      const move = new SourceMove(world, this, life, notes.state.move);
      this.move = move;
      move.recover(notes.state);
    } else {
      const move = new TargetMove(world, this, life, notes.state.move);
      this.move = move;
      move.recover(notes.state);
    }
  }

  /** Writes notes down; without room they are left out, unless they must be made. @throws GodwitError HOST_FAILED */
  keep(notes: Notes, must: boolean): void {
    const { host, world } = this;
    if (!host.full) return void host.notes.set(JOB, notes);
    if (must && !world.variant.forgetsWhenFull)
      throw new GodwitError('HOST_FAILED', { action: 'notes', problem: 'no space' });
  }

  /** SIGKILL. */
  crash(): void {
    if (!this.life) return;
    this.world.note(this.place, () => 'agent dies');
    this.life.end();
    this.life = undefined;
    this.move = undefined;
    this.serves = false;
    this.repairing = false;
    this.doubts = false;
    this.world.breakControl(`the agent on ${this.place} died`);
  }

  /** SIGSTOP, and SIGCONT after a while. */
  stop(forMs: number): void {
    this.world.note(this.place, () => `agent is stopped for ${Math.round(forMs)} ms`);
    this.stoppedUntilMs = Math.max(this.stoppedUntilMs, this.world.timeline.nowMs + forMs);
  }

  cutPower(): void {
    this.world.note(this.place, () => 'loses power');
    this.crash();
    this.host.cutPower();
    this.world.excuses.powerCut.add(this.place);
  }

  /** A pager asks for a page. */
  page(): 'page' | 'gone' | 'silent' {
    if (!this.serves || this.stoppedUntilMs > this.world.timeline.nowMs) return 'silent';
    if (!this.move) return 'gone';
    return this.host.copy === 'frozen' ? 'page' : 'silent';
  }

  async handle(verb: string, body: unknown): Promise<unknown> {
    const { move, life, world } = this;
    if (verb === 'job-info') return jobInfo(this);
    if (verb === 'node-info') return nodeInfo(this);
    if (verb === 'prepare' && life) return this.prepare(life, body as TargetState['move']);
    if (!move && verb === 'abort') return {};
    if (!move && verb === 'commit' && life) await repairLate(world, this, life);
    if (!move) throw new GodwitError('JOB_NOT_FOUND', { job: JOB });
    world.note(this.place, () => `is ${move.phase}`);
    return move.handle(verb, body);
  }

  private async prepare(life: Life, move: TargetState['move']): Promise<unknown> {
    const { world } = this;
    if (this.host.copy !== 'absent' || this.move)
      throw new GodwitError('CONTAINER_EXISTS', { container: move.container, node: this.place });
    const arriving = new TargetMove(world, this, life, move);
    this.move = arriving;
    await arriving.reserve();
    return {};
  }

  /** The container's owner is asked to move it, as soon as it answers. */
  migrate(): void {
    const { life, world } = this;
    if (!life || !this.serves) return world.timeline.at(50, () => this.migrate());
    // Nothing that does not run is moved, and nothing that is looked at still.
    if (!this.host.executes || world.store.truth.record.phase !== 'running') return;
    const { record, revision } = world.store.truth;
    const move = new SourceMove(world, this, life, {
      job: JOB,
      container: record.name,
      source: this.place,
      target: this.other.place,
      epoch: record.epoch,
      revision,
      pagesFollow: world.mode === 'postcopy' || world.mode === 'hybrid',
    });
    this.move = move;
    void move.start({ record, revision });
  }
}
