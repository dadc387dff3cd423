import type { Round } from '../../../protocol/mod.ts';

/** What the rounds of one move are to reach. */
export interface ConvergenceGoal {
  /** A number: exactly so many rounds, whatever they bring. */
  readonly iterations: number | 'dynamic';
  readonly maxDowntimeMs: number;
  /** Most rounds; with `throttle`, since the container was last slowed down. */
  readonly maxRounds: number;
  /** Longest time for all rounds and the final dump together, milliseconds; unlimited when not given. */
  readonly maxRoundsMs?: number | undefined;
  /** What the caller does about `nonconverging`; the rule itself only counts differently after a throttle step. */
  readonly onNonconverge: 'cutover' | 'abort' | 'postcopy' | 'throttle';
}

/** What is known of the way to the target before the first round. */
export interface ConvergenceModel {
  readonly linkBytesPerSecond: number;
  /** Freeze, images without memory, restore. */
  readonly fixedMs: number;
  /** `--bandwidth`: no more than this is sent, whatever the link could carry. */
  readonly bandwidthBytesPerSecond?: number | undefined;
}

/** Everything the rule knows; plain data, changed only by the functions of this folder. */
export interface ConvergenceState {
  readonly goal: ConvergenceGoal;
  readonly model: ConvergenceModel;
  readonly rounds: readonly Round[];
  /** What the link carries, as averaged so far, without the limit. */
  readonly linkBytesPerSecond: number;
  /** Rounds before the last throttle step; judgement starts after them. */
  readonly judgedFrom: number;
  /** What the last throttle step left of the CPU time. */
  readonly share?: number;
}

/** `final`: freeze now. `nonconverging`: the goal's policy decides. */
export interface Decision {
  readonly kind: 'round' | 'final' | 'nonconverging';
  /** For people, with the numbers that decided. */
  readonly reason: string;
}
