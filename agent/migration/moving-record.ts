import {
  type CasAnswer,
  type ContainerRecord,
  GodwitError,
  isPastFilling,
  LIMITS,
  type Move,
  type RecordView,
  type Side,
  type Verdict,
  verdictOf,
} from '../../protocol/mod.ts';
import type { CasResult, Records, Versioned } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';

/** First wait between two tries on a store that does not answer, and the longest. */
const RETRY_MS = { first: 50, longest: 2_000 };
/** Between two looks at a record that somebody else changes next. */
const WATCH_MS = 3_000;

/** The record of a container that moves, as one side of the move changes it: by CAS at the revision it saw last. */
export class MovingRecord {
  private last: Versioned | undefined;
  private readonly records: Records;
  private readonly clock: Clock;
  private readonly move: Move;
  private waitMs = 0;
  private closed = false;
  private wishes = 0;

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

  /** The same, read if nothing was: an agent that has just restarted has seen nothing yet. */
  async known(): Promise<Versioned> {
    if (!this.last) await this.ask();
    return this.current;
  }

  /** The newest one this side knows. */
  get revision(): number {
    return this.last?.revision ?? this.move.revision;
  }

  /**
   * Source: phase `switching`, this move's until somebody decides. At the move's own revision and no later one: a claim
   * that was overtaken by its undo must not succeed.
   */
  async claim(mode: string): Promise<CasAnswer> {
    const { job, source, target, revision } = this.move;
    if (this.current.revision !== revision) return 'conflict';
    const claimed = { id: job, source, target, mode };
    return this.write({ ...this.current.record, phase: 'switching', job: claimed }, LIMITS.recordPatienceMs);
  }

  /** Source: the one CAS that changes the owner. */
  commit(): Promise<CasAnswer> {
    const owner = { owner: this.move.target, epoch: this.move.epoch + 1 };
    return this.write({ ...this.current.record, phase: 'resuming', ...owner }, LIMITS.recordPatienceMs);
  }

  /** Source: the same revision as the commit, or the one read since, the other way; who wins is the truth. */
  async settle(): Promise<CasAnswer> {
    // An agent that goes on with the move of another has seen nothing yet, and reads what may be the commit itself.
    if (this.last) await this.pause();
    else await this.ask();
    if (this.verdict !== 'undecided') return 'conflict';
    return this.write(withoutJob(this.current.record));
  }

  /**
   * Source, which goes on: its record takes no part in the move any more. Goes on until the store has it. It writes even
   * when the record looks right: a claim without an answer may be on its way still, and can never be applied after this.
   */
  async giveBack(): Promise<void> {
    if (!this.last) await this.ask();
    for (;;) {
      const { record } = this.current;
      if (record.owner === this.move.source && (await this.write(withoutJob(record))) === 'ok') return;
      const view = await this.ask();
      if (verdictOf(this.move, view) !== 'stale' && view.job !== this.move.job) return;
    }
  }

  /**
   * Source in doubt: an operator's decision. Its own again, one epoch on; or the target's, for good. No more once the target is through
   * with the move, of which an agent that has just restarted may learn here only.
   */
  async resolve(keep: Side): Promise<CasAnswer> {
    const known = await this.known();
    const { record } = known;
    if (record.owner !== this.move.target || isPastFilling(this.move, viewOf(known))) return 'conflict';
    const { source, epoch } = this.move;
    if (keep === 'source')
      return this.write({ ...record, phase: 'switching', owner: source, epoch: epoch + 2 });
    return this.write({ ...withoutJob(record), phase: 'stopped' });
  }

  /** Target: the source's again, one epoch on. Of its own copy nothing is left. */
  async handBack(): Promise<CasAnswer> {
    await this.ask();
    const { record } = this.current;
    const { job, source, epoch } = this.move;
    if (this.verdict !== 'committed' || record.job?.id !== job) return 'conflict';
    return this.write({ ...record, phase: 'switching', owner: source, epoch: epoch + 2 });
  }

  /** Target: takes an undecided move back. */
  async abort(): Promise<CasAnswer> {
    await this.ask();
    if (this.verdict !== 'undecided') return 'conflict';
    return this.write(withoutJob(this.current.record));
  }

  /** What the record says now; waits a little longer each time, and for as long as nobody answers. */
  async ask(): Promise<RecordView> {
    for (;;) {
      await this.pause();
      const seen = await this.read();
      if (seen) return viewOf(seen);
    }
  }

  /** The same after a while, for as long as nobody answers; undefined once this was closed. */
  async watch(): Promise<RecordView | undefined> {
    for (;;) {
      await this.clock.sleep(WATCH_MS);
      if (this.closed) return undefined;
      const seen = await this.read();
      if (seen) return viewOf(seen);
    }
  }

  /** Nobody looks any more. */
  close(): void {
    this.closed = true;
  }

  /**
   * Target, after the commit: the next phase of its own container; goes on until the store has it. A later wish ends an
   * earlier one that is still out: a copy that is lost must not be filling again.
   * @throws GodwitError RECORD_CONFLICT when the container is not its own any more, or has a later wish
   */
  async become(next: (record: ContainerRecord) => ContainerRecord): Promise<Versioned> {
    this.wishes += 1;
    const wish = this.wishes;
    for (;;) {
      await this.ask();
      if (wish !== this.wishes || this.verdict === 'reclaimed' || this.verdict === 'passed')
        throw new GodwitError('RECORD_CONFLICT', { container: this.move.container });
      if (this.verdict !== 'committed') continue;
      if ((await this.write(next(this.current.record))) === 'ok') return this.current;
    }
  }

  /** What the newest look says; the last one may have been older. */
  private get verdict(): Verdict {
    return verdictOf(this.move, viewOf(this.current));
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

  /** A store that takes nothing now is asked again like one whose answer is missing: neither is a verdict. */
  private async write(record: ContainerRecord, patienceMs?: number): Promise<CasAnswer> {
    const result = await this.records
      .update(record, this.current.revision, patienceMs)
      .catch((error: unknown): CasResult => {
        if (error instanceof GodwitError) return { status: 'unknown', problem: error.message };
        throw error;
      });
    if (result.status === 'ok') {
      this.last = { record, revision: result.revision };
      this.waitMs = 0;
    }
    return result.status;
  }

  /** No wait the first time: most questions are answered at once. */
  private async pause(): Promise<void> {
    if (this.waitMs > 0) await this.clock.sleep(this.waitMs);
    this.waitMs = Math.min(RETRY_MS.longest, Math.max(RETRY_MS.first, this.waitMs * 2));
  }
}

function viewOf({ record, revision }: Versioned): RecordView {
  const { owner, epoch, phase, job } = record;
  return { revision, owner, epoch, phase, ...(job ? { job: job.id } : {}) };
}

/** The record of a container that runs where its record says, part of no move. */
export function withoutJob(record: ContainerRecord): ContainerRecord {
  const { job: _job, ...rest } = record;
  return { ...rest, phase: 'running' };
}
