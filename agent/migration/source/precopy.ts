import { GodwitError, type Mode, type Round } from '../../../protocol/mod.ts';
import type { PairModel } from '../../preflight/pair-model.ts';
import {
  adjust,
  type ConvergenceGoal,
  type ConvergenceState,
  convergenceStart,
  convergenceStep,
  type Decision,
  dirtyRateBytesPerSecond,
  nextThrottle,
  predictedDowntimeMs,
  restBytes,
} from '../convergence/mod.ts';
import { convergenceModel } from './goal.ts';
import type { Way } from './words.ts';

/** What the rounds tell while they go on. */
export interface PrecopyFigures {
  readonly rounds: Round[];
  readonly dirtyRateBytesPerSecond?: number | undefined;
  readonly expectedDowntimeMs?: number | undefined;
  /** What the next round or the final dump will carry; unknown after the first round, which is the whole memory. */
  readonly restBytes?: number | undefined;
  /** Of the rule's last decision, with its numbers. */
  readonly reason: string;
}

export interface PrecopyRequest {
  readonly container: string;
  readonly mode: Mode;
  readonly goal: ConvergenceGoal;
  readonly model: PairModel;
  readonly memoryBytes: number;
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Does one pre-dump. */
  readonly round: (index: number) => Promise<Round>;
  /** Leaves the container this share of its CPU time. */
  readonly throttle: (share: number) => Promise<void>;
  readonly began: (index: number) => void;
  readonly told: (figures: PrecopyFigures) => void;
}

/** The rounds of one pre-copy or hybrid: does what the convergence rule says, and what the policy says when it gives up. */
export class Precopy {
  private readonly request: PrecopyRequest;
  private readonly rounds: Round[] = [];
  private state: ConvergenceState;

  constructor(request: PrecopyRequest) {
    this.request = request;
    this.state = convergenceStart(request.goal, convergenceModel(request));
  }

  /** Resolves with the way to finish. @throws GodwitError NOT_CONVERGING, and whatever a round throws */
  async run(): Promise<Way> {
    if (this.request.goal.iterations === 0) return this.finish(this.request.mode);
    for (;;) {
      const decision = await this.round();
      switch (decision.kind) {
        case 'round':
          continue;
        case 'final':
          return this.finish(this.request.mode);
        case 'nonconverging': {
          const way = await this.giveUp(decision.reason);
          if (way) return way;
        }
      }
    }
  }

  /** A new wish of the operator; counts from the next decision on. In hybrid the rounds do not aim at the downtime. */
  adjust(changes: {
    readonly maxDowntimeMs?: number | undefined;
    readonly bandwidthBytesPerSecond?: number | undefined;
  }): void {
    const { bandwidthBytesPerSecond } = changes;
    this.state = adjust(this.state, this.request.mode === 'hybrid' ? { bandwidthBytesPerSecond } : changes);
  }

  private async round(): Promise<Decision> {
    const { mode, model } = this.request;
    const index = this.rounds.length + 1;
    this.request.began(index);
    const round = await this.request.round(index);
    this.rounds.push(round);
    const { state, decision } = convergenceStep(this.state, round);
    this.state = state;
    this.request.told({
      rounds: [...this.rounds],
      dirtyRateBytesPerSecond: dirtyRateBytesPerSecond(state),
      expectedDowntimeMs: mode === 'hybrid' ? model.fixedMs : predictedDowntimeMs(state),
      ...(index > 1 ? { restBytes: restBytes(state) } : {}),
      reason: decision.reason,
    });
    return decision;
  }

  /** Undefined: the container was slowed down, and the rounds go on. */
  private async giveUp(reason: string): Promise<Way | undefined> {
    const { goal, container, mode } = this.request;
    switch (goal.onNonconverge) {
      case 'cutover':
        return this.finish(mode);
      case 'postcopy':
        return this.finish('hybrid');
      case 'abort':
        throw new GodwitError('NOT_CONVERGING', { container, problem: reason });
      case 'throttle': {
        const step = nextThrottle(this.state);
        if (!step) return this.finish(mode);
        this.state = step.state;
        await this.request.throttle(step.share);
        return undefined;
      }
    }
  }

  private finish(mode: Mode): Way {
    return { mode, rounds: this.rounds.length };
  }
}
