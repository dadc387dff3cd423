import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CasAnswer,
  type Move,
  type RecordView,
  type SourceEffect,
  type SourceEvent,
  sourceStart,
  sourceStep,
  type TargetEffect,
  type TargetEvent,
  targetStart,
  targetStep,
  verdictOf,
} from './mod.ts';
import { ERROR } from './testing.ts';

/** Every choice of a run comes from one tape, so fast-check can shrink a violation to a short story. */
class Tape {
  private at = 0;
  private readonly choices: readonly number[];
  constructor(choices: readonly number[]) {
    this.choices = choices;
  }
  get ended(): boolean {
    return this.at >= this.choices.length;
  }
  /** 0 (the undisturbed choice) once the tape has run out. */
  pick(options: number): number {
    return this.ended ? 0 : (this.choices[this.at++] ?? 0) % options;
  }
}

type Action = () => void;

/** One move over a store and a network that lose, delay and repeat; effects take place whenever the tape says so. */
class World {
  readonly story: string[] = [];
  private readonly pending: Action[] = [];
  private readonly tape: Tape;
  private source;
  private target;
  private record: RecordView;
  private readonly history: RecordView[] = [];
  private sourceRevision = 1;
  private sourceRuns = true;
  private sourceAlive = true;
  private targetBuilt = false;
  private targetRuns = false;

  constructor(tape: Tape, pagesFollow: boolean) {
    this.tape = tape;
    const move: Move = {
      job: 'j',
      container: 'c',
      source: 'n1',
      target: 'n2',
      epoch: 4,
      revision: 1,
      pagesFollow,
    };
    this.source = sourceStart(move);
    this.target = targetStart(move);
    this.record = { owner: 'n1', epoch: 4, revision: 1, phase: 'running' };
    this.history.push(this.record);
    this.pending.push(() => this.toSource({ kind: 'ready' }));
    this.pending.push(() => {
      if (tape.pick(4) === 1) this.toSource({ kind: 'abort', outcome: 'aborted', error: ERROR });
    });
  }

  run(): void {
    for (let step = 0; step < 400 && this.pending.length > 0; step++) {
      const [action] = this.pending.splice(this.tape.pick(this.pending.length), 1);
      action?.();
      this.check();
    }
  }

  check(): void {
    expect(this.sourceRuns && this.targetRuns, `two copies run: ${this.story.join(', ')}`).toBe(false);
    expect(this.sourceAlive || this.targetBuilt, `no copy is left: ${this.story.join(', ')}`).toBe(true);
  }

  settled(): { running: string[]; owner: string; phases: [string, string] } {
    const running = [...(this.sourceRuns ? ['n1'] : []), ...(this.targetRuns ? ['n2'] : [])];
    return { running, owner: this.record.owner, phases: [this.source.phase, this.target.phase] };
  }

  private toSource(event: SourceEvent): void {
    this.story.push(`S<-${event.kind}`);
    const step = sourceStep(this.source, event);
    this.source = step.state;
    for (const effect of step.effects) this.pending.push(() => this.sourceEffect(effect));
  }

  private toTarget(event: TargetEvent): void {
    this.story.push(`T<-${event.kind}`);
    const step = targetStep(this.target, event);
    this.target = step.state;
    for (const effect of step.effects) this.pending.push(() => this.targetEffect(effect));
  }

  private sourceEffect(effect: SourceEffect): unknown {
    this.story.push(`S!${effect.kind}`);
    switch (effect.kind) {
      case 'claim':
        return this.cas(
          this.sourceRevision,
          { owner: 'n1', epoch: 4, phase: 'switching', job: 'j' },
          (answer) => {
            if (answer === 'ok') this.sourceRevision = this.record.revision;
            this.toSource({ kind: 'claim', answer });
          },
        );
      case 'dump':
        if (this.tape.pick(6) === 1) return this.toSource({ kind: 'failed', error: ERROR });
        this.sourceRuns = false;
        return this.toSource({ kind: 'frozen' });
      case 'ship':
        this.pending.push(() => {
          if (this.target.phase !== 'building') return;
          if (this.tape.pick(5) === 1) return this.toTarget({ kind: 'failed', error: ERROR });
          this.targetBuilt = true;
          this.toTarget({ kind: 'built' });
          if (this.tape.pick(2) === 1) this.pending.push(() => this.toTarget({ kind: 'verdict-overdue' }));
          if (this.tape.pick(4) === 1) this.pending.push(() => this.breakInHook());
        });
        return;
      case 'commit':
        return this.cas(
          this.sourceRevision,
          { owner: 'n2', epoch: 5, phase: 'resuming', job: 'j' },
          (answer) => this.toSource({ kind: 'commit', answer }),
        );
      case 'settle':
        return this.cas(this.sourceRevision, { owner: 'n1', epoch: 4, phase: 'running' }, (answer) =>
          this.toSource({ kind: 'settle', answer }),
        );
      case 'ask':
      case 'watch':
        return this.toSource({ kind: 'record', record: this.read() });
      case 'tell-commit':
        return this.send(() => this.toTarget({ kind: 'commit', epoch: 5 }));
      case 'tell-abort':
        return this.send(() => this.toTarget({ kind: 'abort', error: ERROR }));
      case 'undo':
        this.sourceRuns = true;
        return this.toSource({ kind: 'undone' });
      case 'kill':
        this.sourceAlive = false;
        return this.toSource({ kind: 'killed' });
      case 'resolve':
      case 'doubt':
      case 'end':
        return;
    }
  }

  private targetEffect(effect: TargetEffect): unknown {
    this.story.push(`T!${effect.kind}`);
    switch (effect.kind) {
      case 'report-prepared':
        return this.send(() => this.toSource({ kind: 'target-prepared' }));
      case 'report-failed':
        return this.send(() => this.toSource({ kind: 'target-failed', error: ERROR }));
      case 'report-running':
        this.pending.push(() => this.toTarget({ kind: 'filled' }));
        return this.send(() => this.toSource({ kind: 'target-running' }));
      case 'report-filled':
        return this.send(() => this.toSource({ kind: 'target-filled' }));
      case 'report-lost':
        return this.send(() => this.toSource({ kind: 'target-lost', error: ERROR }));
      case 'abort-cas': {
        const seen = this.read();
        if (verdictOf(this.target.move, seen) !== 'undecided')
          return this.toTarget({ kind: 'abort-cas', answer: 'conflict' });
        return this.cas(seen.revision, { owner: 'n1', epoch: 4, phase: 'running' }, (answer) =>
          this.toTarget({ kind: 'abort-cas', answer }),
        );
      }
      case 'ask':
      case 'watch':
        return this.toTarget({ kind: 'record', record: this.read() });
      case 'close':
        this.write({ owner: 'n2', epoch: 5, phase: 'running' });
        return this.toTarget({ kind: 'closed' });
      case 'return': {
        const seen = this.read();
        if (verdictOf(this.target.move, seen) !== 'committed' || seen.job !== 'j')
          return this.toTarget({ kind: 'return', answer: 'conflict' });
        const back = { owner: 'n1', epoch: 6, phase: 'switching', job: 'j' } as const;
        return this.cas(seen.revision, back, (answer) => this.toTarget({ kind: 'return', answer }));
      }
      case 'resume':
        if (!this.targetBuilt) return this.toTarget({ kind: 'failed', error: ERROR, neverRan: true });
        this.targetRuns = true;
        return this.toTarget({ kind: 'resumed' });
      case 'undo':
        this.targetBuilt = false;
        return this.toTarget({ kind: 'undone' });
      case 'freeze-lost':
        this.targetRuns = false;
        return this.toTarget({ kind: 'frozen-lost' });
      case 'clear':
        return this.toTarget({ kind: 'cleared' });
      case 'doubt':
      case 'end':
        return;
    }
  }

  /** criu dies while it holds the tasks. */
  private breakInHook(): void {
    if (this.targetRuns || !this.targetBuilt) return;
    this.targetBuilt = false;
    this.toTarget({ kind: 'failed', error: ERROR, neverRan: true });
  }

  /** Lost, late, twice, or as it should be. */
  private send(deliver: Action): void {
    const fate = this.tape.pick(4);
    if (fate === 1) return;
    this.pending.push(deliver);
    if (fate === 2) this.pending.push(deliver);
  }

  /** A read may be as old as anything since the claim. */
  private read(): RecordView {
    const age = this.tape.pick(3);
    return this.history.at(-1 - age) ?? this.record;
  }

  private write(record: Omit<RecordView, 'revision'>): void {
    this.record = { ...record, revision: this.record.revision + 1 };
    this.history.push(this.record);
  }

  /** The write may be applied with or without an answer, later than its caller gives up on it, or never. */
  private cas(
    revision: number,
    record: Omit<RecordView, 'revision'>,
    answer: (answer: CasAnswer) => unknown,
  ): unknown {
    const apply = (): boolean => {
      if (this.record.revision !== revision) return false;
      this.write(record);
      return true;
    };
    switch (this.tape.pick(4)) {
      case 1:
        apply();
        return answer('unknown');
      case 2:
        return answer('unknown');
      case 3:
        this.pending.push(() => void apply());
        return answer('unknown');
      default:
        return answer(apply() ? 'ok' : 'conflict');
    }
  }
}

describe('the two halves together', () => {
  it.each([false, true])('never run twice and never lose the container (pages follow: %s)', (pagesFollow) => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { maxLength: 120, size: 'max' }), (choices) => {
        new World(new Tape(choices), pagesFollow).run();
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([false, true])('end at the target when nothing goes wrong (pages follow: %s)', (pagesFollow) => {
    const world = new World(new Tape([]), pagesFollow);
    world.run();
    expect(world.settled()).toEqual({ running: ['n2'], owner: 'n2', phases: ['ended', 'ended'] });
  });
});
