import {
  type CasAnswer,
  type ContainerRecord,
  GodwitError,
  type Move,
  type RecordView,
  verdictOf,
} from '../../protocol/mod.ts';
import type { Records, Versioned } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';

/** First wait between two tries on a store that does not answer, and the longest. */
const RETRY_MS = { first: 50, longest: 2_000 };

/** The record of a container that moves, as one side of the move changes it: by CAS at the revision it saw last. */
export class MovingRecord {
  private last: Versioned | undefined;
  private readonly records: Records;
  private readonly clock: Clock;
  private readonly move: Move;
  private waitMs = 0;

  /** @param start what this side wrote or read last; the target has seen nothing yet */
  constructor(records: Records, clock: Clock, move: Move, start?: Versioned) {
    this.records = records;
    this.clock = clock;
    this.move = move;
    this.last = start;
  }

  /** @throws GodwitError INTERNAL before anything was seen */
  get current(): Versioned {
    if (!this.last) throw new GodwitError('INTERNAL', { problem: 'a record that was never read' });
    return this.last;
  }

  /** Source: phase `switching`, this move's until somebody decides. */
  claim(mode: string): Promise<CasAnswer> {
    const { job, source, target } = this.move;
    return this.write({ ...this.current.record, phase: 'switching', job: { id: job, source, target, mode } });
  }

  /** Source: the one CAS that changes the owner. */
  commit(): Promise<CasAnswer> {
    const owner = { owner: this.move.target, epoch: this.move.epoch + 1 };
    return this.write({ ...this.current.record, phase: 'resuming', ...owner });
  }

  /** Source: the same revision as the commit, or the one read since, the other way; who wins is the truth. */
  async settle(): Promise<CasAnswer> {
    await this.pause();
    return this.write(withoutJob(this.current.record));
  }

  /** Target: takes an undecided move back. */
  async abort(): Promise<CasAnswer> {
    const view = await this.ask();
    if (verdictOf(this.move, view) !== 'undecided') return 'conflict';
    return this.write(withoutJob(this.current.record));
  }

  /** What the record says now; waits a little longer each time, and for as long as nobody answers. */
  async ask(): Promise<RecordView> {
    for (;;) {
      await this.pause();
      const seen = await this.read();
      if (!seen) continue;
      const { owner, epoch, job } = seen.record;
      return { revision: seen.revision, owner, epoch, ...(job ? { job: job.id } : {}) };
    }
  }

  /** Target, after the commit: the next phase of its own container; goes on until the store has it. */
  async become(next: (record: ContainerRecord) => ContainerRecord): Promise<Versioned> {
    for (;;) {
      const view = await this.ask();
      if (verdictOf(this.move, view) !== 'committed') continue;
      if ((await this.write(next(this.current.record))) === 'ok') return this.current;
    }
  }

  private async read(): Promise<Versioned | undefined> {
    try {
      const seen = await this.records.get(this.move.container);
      if (seen && seen.revision >= (this.last?.revision ?? 0)) this.last = seen;
      return seen;
    } catch (error) {
      if (error instanceof GodwitError) return undefined;
      throw error;
    }
  }

  private async write(record: ContainerRecord): Promise<CasAnswer> {
    const result = await this.records.update(record, this.current.revision);
    if (result.status === 'ok') this.last = { record, revision: result.revision };
    return result.status;
  }

  /** No wait the first time: most questions are answered at once. */
  private async pause(): Promise<void> {
    if (this.waitMs > 0) await this.clock.sleep(this.waitMs);
    this.waitMs = Math.min(RETRY_MS.longest, Math.max(RETRY_MS.first, this.waitMs * 2));
  }
}

/** The record of a container that runs where its record says, part of no move. */
export function withoutJob(record: ContainerRecord): ContainerRecord {
  const { job: _job, ...rest } = record;
  return { ...rest, phase: 'running' };
}
