import type { PolicySpec } from '../../../protocol/domain/mod.ts';
import type { MigrateRequest, Mode } from '../../../protocol/mod.ts';
import type { PairModel } from '../../preflight/pair-model.ts';
import { refillMs } from '../../preflight/refill.ts';
import type { ConvergenceGoal, ConvergenceModel } from '../convergence/mod.ts';

/** Default of --max-downtime (DESIGN section 10). */
const MAX_DOWNTIME_MS = 300;
/** Default of --max-rounds. */
const MAX_ROUNDS = 8;
/** What rounds and the final dump may use of --timeout; the rest is for what comes before and after them. */
const ROUNDS_PART = 0.8;
/** Default of --max-exposure (DESIGN section 6). */
const MAX_EXPOSURE_MS = 10_000;
/** In hybrid the rest follows after the resume; rounds that only shorten a shorter exposure than this are not worth it. */
const HYBRID_REST_MS = 500;

/** What the rounds of one move are to reach, by request, else by the container's policy, else by default. */
export function goalOf(mode: Mode, request: MigrateRequest, policy: PolicySpec): ConvergenceGoal {
  const hybrid = mode === 'hybrid';
  return {
    iterations: request.iterations ?? policy.iterations ?? 'dynamic',
    maxDowntimeMs: hybrid
      ? Math.min(HYBRID_REST_MS, maxExposureMs(request, policy))
      : (request.maxDowntimeMs ?? policy.maxDowntimeMs ?? MAX_DOWNTIME_MS),
    maxRounds: request.maxRounds ?? MAX_ROUNDS,
    maxRoundsMs: request.timeoutMs * ROUNDS_PART,
    // A hybrid that does not converge has a longer rest, no longer downtime.
    onNonconverge: hybrid ? 'cutover' : (request.onNonconverge ?? policy.onNonconverge ?? 'cutover'),
  };
}

/** The longest exposure a move may have, milliseconds. */
export function maxExposureMs(request: MigrateRequest, policy: PolicySpec): number {
  return request.maxExposureMs ?? policy.maxExposureMs ?? MAX_EXPOSURE_MS;
}

/** What a move with rounds costs besides them. */
export interface MoveLoad {
  readonly mode: Mode;
  readonly model: PairModel;
  readonly memoryBytes: number;
  readonly bandwidthBytesPerSecond?: number | undefined;
}

/**
 * What the rounds' rule is told of the way to the target. In pre-copy the container waits until its memory is in its
 * place, or a pager stands by for it; in hybrid the rest follows after the resume, so that the fixed cost is no part of what the rounds reach.
 */
export function convergenceModel({
  mode,
  model,
  memoryBytes,
  bandwidthBytesPerSecond,
}: MoveLoad): ConvergenceModel {
  return {
    linkBytesPerSecond: model.linkBytesPerSecond,
    bandwidthBytesPerSecond,
    fixedMs: mode === 'hybrid' ? 0 : model.fixedMs + refillMs(memoryBytes),
  };
}
