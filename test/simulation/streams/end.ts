import type { StreamId } from '../../../agent/transfer/stream.ts';
import { StreamCore } from '../../../agent/transfer/stream-core.ts';
import type { PeerState, StreamEffects } from '../../../agent/transfer/stream-effects.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { Content } from './content.ts';
import type { Connection } from './network.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface EndOptions {
  readonly id: StreamId;
  readonly world: World;
  readonly random: Random;
  readonly side: 0 | 1;
  /** What it writes, and how much. */
  readonly writes: Content;
  readonly length: number;
  readonly mostAtOnce: number;
  /** What it must read. */
  readonly reads: Content;
  /** Connects again: the opener's. */
  readonly dial?: (received: number, withinMs: number) => void;
}

/** What an end has come to. */
export type Fate = 'open' | 'done' | 'failed' | 'destroyed' | 'vanished';

/** One end of a stream around the real core, with a writer and a reader of its own moods. */
export class End implements StreamEffects {
  readonly id: StreamId;
  readonly core: StreamCore;
  readonly options: EndOptions;
  fate: Fate = 'open';
  problem = '';
  connection: Connection | undefined;
  written = 0;
  delivered = 0;
  sawEnd = false;
  sawFinish = false;
  errored: Error | null = null;
  private cancelWake = (): void => {};
  private wanting = false;

  constructor(options: EndOptions) {
    this.options = options;
    this.id = options.id;
    this.core = new StreamCore(options.dial !== undefined, this);
    this.pause(() => this.writeSome());
    this.pause(() => this.readSome());
  }

  get destroyed(): boolean {
    return this.fate !== 'open' && this.fate !== 'done';
  }

  get isOver(): boolean {
    return this.core.isOver;
  }

  get complete(): boolean {
    return this.core.complete;
  }

  get received(): number {
    return this.core.received;
  }

  /** Both bounded by the window, whatever happens. */
  get tooMuch(): boolean {
    const { sent, received } = this.core.kept;
    return sent > LIMITS.streamWindowBytes || received > LIMITS.streamWindowBytes;
  }

  use(connection: Connection, peer: PeerState): void {
    const { side, world } = this.options;
    this.connection?.hangUp(side);
    this.connection = connection;
    connection.listen(side, {
      bytes: (bytes) => {
        if (this.connection === connection) this.core.push(bytes);
      },
      lost: (problem) => {
        if (this.connection === connection) this.core.lost(problem, world.nowMs);
      },
    });
    this.core.attach(peer);
  }

  /** Whoever uses the stream does not want it any more. */
  destroy(error: Error): void {
    if (this.fate === 'open') this.break('destroyed', error.message);
  }

  /** Its host has lost its power. */
  vanish(): void {
    this.cancelWake();
    this.core.stop(undefined);
    this.connection = undefined;
    this.fate = 'vanished';
  }

  send(bytes: readonly Buffer[], last: boolean): void {
    const whole = Buffer.concat(bytes);
    const cut = this.options.random.whole(whole.length);
    for (const piece of [whole.subarray(0, cut), whole.subarray(cut)])
      if (piece.length > 0) this.connection?.send(this.options.side, piece);
    if (last) this.pause(() => this.writeSome());
  }

  hangUp(): void {
    this.connection?.hangUp(this.options.side);
    this.connection = undefined;
  }

  dial(withinMs: number): void {
    this.options.dial?.(this.core.received, withinMs);
  }

  wake(ms: number): void {
    this.cancelWake();
    this.cancelWake = this.options.world.after(ms, () => this.core.tick(this.options.world.nowMs));
  }

  deliver(chunk: Buffer | null): boolean {
    const { reads, random } = this.options;
    if (this.sawEnd) throw new Error('something after the end');
    if (chunk === null) this.sawEnd = true;
    else if (reads.isAt(this.delivered, chunk)) this.delivered += chunk.length;
    else throw new Error(`wrong bytes at ${this.delivered}`);
    this.wanting = random.chance(0.8);
    if (!this.wanting) this.pause(() => this.readSome());
    return this.wanting;
  }

  wrote(): void {
    this.pause(() => this.writeSome());
  }

  finished(): void {
    this.sawFinish = true;
  }

  failed(problem: string): void {
    this.break('failed', problem);
  }

  over(lastWord: Buffer | undefined): void {
    if (lastWord) this.connection?.send(this.options.side, lastWord);
    this.fate = 'done';
    this.cancelWake();
    this.hangUp();
  }

  private break(fate: 'failed' | 'destroyed', problem: string): void {
    const lastWord = this.core.stop(problem);
    if (lastWord) this.connection?.send(this.options.side, lastWord);
    this.fate = fate;
    this.problem = problem;
    this.errored = new Error(problem);
    this.cancelWake();
    this.hangUp();
  }

  private writeSome(): void {
    const { length, mostAtOnce, random, writes } = this.options;
    if (this.fate !== 'open') return;
    if (this.written === length) {
      this.core.end();
      return;
    }
    const size = Math.min(1 + random.whole(mostAtOnce - 1), length - this.written);
    const piece = writes.piece(this.written, size);
    this.written += size;
    const cut = random.whole(size);
    this.core.write([piece.subarray(0, cut), piece.subarray(cut)]);
  }

  private readSome(): void {
    if (this.fate === 'open') this.core.read();
  }

  private pause(action: () => void): void {
    const { random, world } = this.options;
    world.after(random.chance(0.9) ? random.upTo(3) : random.upTo(300), action);
  }
}
