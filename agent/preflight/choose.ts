import {
  type Capabilities,
  type DomainSpec,
  GodwitError,
  type Mode,
  pagesFollowIn,
  type RequestedMode,
} from '../../protocol/mod.ts';
import { rebuildMs, refillMs } from './refill.ts';
import { FEATURE_CURES, missingFeatures } from './software.ts';
import { duration } from './words.ts';

/** One end of the move, as far as the choice needs it. */
export interface ModeEnd {
  readonly node: string;
  readonly features: Capabilities['features'];
}

/** What moves cost depends on; all but the memory comes from a {@link PairModel}. */
export interface Load {
  /** Memory in use. */
  readonly memoryBytes: number;
  readonly linkBytesPerSecond: number;
  /** Freeze, images without memory, restore: what every mode costs. */
  readonly fixedMs: number;
  /** Part of the memory that is left for the final dump when the rounds are over, 0 to 1. */
  readonly lastShare: number;
}

/** What the choice is made from. */
export interface ModeQuestion extends Load {
  readonly requested: RequestedMode;
  readonly spec: Pick<DomainSpec, 'idmap'>;
  readonly source: ModeEnd;
  readonly target: ModeEnd;
  /** Longest time after the commit in which losing the source may lose the container; 0 means never. */
  readonly maxExposureMs: number;
}

export interface ModeChoice {
  readonly mode: Mode;
  /** Every candidate's verdict, the chosen one first. */
  readonly reason: string;
  readonly predictedDowntimeMs: number;
  readonly predictedExposureMs: number;
}

export interface Prediction {
  readonly downtimeMs: number;
  readonly exposureMs: number;
}

/** Downtimes this near to the lowest are no reason to take a risk: predictions are not better than that. */
const NEAR_FACTOR = 1.25;
const NEAR_MS = 100;

const PREDICTIONS: Readonly<Record<Mode, (load: Load) => Prediction>> = {
  cold: (load) => ({
    downtimeMs: load.fixedMs + transferMs(load) + rebuildMs(load.memoryBytes),
    exposureMs: 0,
  }),
  precopy: (load) => ({
    downtimeMs: load.fixedMs + lastMs(load) + refillMs(load.memoryBytes),
    exposureMs: 0,
  }),
  hybrid: (load) => ({ downtimeMs: load.fixedMs, exposureMs: lastMs(load) }),
  postcopy: (load) => ({ downtimeMs: load.fixedMs, exposureMs: transferMs(load) }),
};

/** Least can go wrong in the first: on nearly equal downtime the earlier one wins. */
const SAFEST_FIRST: readonly Mode[] = ['cold', 'precopy', 'hybrid', 'postcopy'];

/** A candidate with everything that speaks for or against it. */
interface Verdict extends Prediction {
  readonly mode: Mode;
  /** Why it cannot be used at all. */
  readonly impossible?: string;
  /** What would make it possible. */
  readonly cure?: string;
  /** Why `auto` does not use it. */
  readonly unwanted?: string;
}

/**
 * The mode of a move. `auto`: of those both ends can do and whose exposure is within the limit, the one with the lowest
 * predicted downtime, or a safer one that is nearly as low. Pure and deterministic.
 * @throws GodwitError MODE_UNAVAILABLE when the asked mode cannot be had
 */
export function chooseMode(question: ModeQuestion): ModeChoice {
  const verdicts = SAFEST_FIRST.map((mode) => judge(question, mode));
  const { requested } = question;
  const chosen =
    requested === 'auto' ? best(verdicts) : verdicts.find((verdict) => verdict.mode === requested);
  if (!chosen || chosen.impossible !== undefined) throw unavailable(question, chosen);
  const others = verdicts.filter((verdict) => verdict !== chosen);
  return {
    mode: chosen.mode,
    reason: [requested === 'auto' ? '' : 'as asked', ...[chosen, ...others].map(words)]
      .filter(Boolean)
      .join('; '),
    predictedDowntimeMs: chosen.downtimeMs,
    predictedExposureMs: chosen.exposureMs,
  };
}

/** What a mode would cost. */
export function predict(mode: Mode, load: Load): Prediction {
  return PREDICTIONS[mode](load);
}

function best(verdicts: readonly Verdict[]): Verdict | undefined {
  const able = verdicts.filter((one) => one.impossible === undefined && one.unwanted === undefined);
  const lowest = Math.min(...able.map(({ downtimeMs }) => downtimeMs));
  return able.find(({ downtimeMs }) => downtimeMs <= Math.max(lowest * NEAR_FACTOR, lowest + NEAR_MS));
}

function judge(question: ModeQuestion, mode: Mode): Verdict {
  const prediction = predict(mode, question);
  const lacks = (['source', 'target'] as const).flatMap((end) =>
    missingFeatures(end, mode, question[end].features, question.spec).map((feature) => ({
      what: `${question[end].node} lacks ${feature}`,
      cure: FEATURE_CURES[feature] ?? '',
    })),
  );
  if (lacks.length > 0)
    return {
      mode,
      ...prediction,
      impossible: lacks.map(({ what }) => what).join(', '),
      cure: lacks.map(({ cure }) => cure).join(' '),
    };
  if (pagesFollowIn(mode) && question.maxExposureMs <= 0)
    return { mode, ...prediction, impossible: 'exposure is limited to 0', cure: 'Raise --max-exposure.' };
  if (prediction.exposureMs > question.maxExposureMs)
    return { mode, ...prediction, unwanted: `over the limit of ${duration(question.maxExposureMs)}` };
  return { mode, ...prediction };
}

function words(verdict: Verdict, position: number): string {
  if (verdict.impossible !== undefined) return `${verdict.mode}: not possible, ${verdict.impossible}`;
  const exposure = verdict.exposureMs > 0 ? `, exposed for ${duration(verdict.exposureMs)}` : '';
  const limit = verdict.unwanted === undefined ? '' : ` (${verdict.unwanted})`;
  return `${verdict.mode}: ${duration(verdict.downtimeMs)}${position === 0 ? ' predicted' : ''}${exposure}${limit}`;
}

function unavailable(question: ModeQuestion, verdict: Verdict | undefined): GodwitError {
  return new GodwitError('MODE_UNAVAILABLE', {
    mode: question.requested,
    source: question.source.node,
    target: question.target.node,
    problem: verdict?.impossible ?? 'nothing is possible',
    cure: verdict?.cure ?? '',
  });
}

function transferMs({ memoryBytes, linkBytesPerSecond }: Load): number {
  return (memoryBytes / Math.max(1, linkBytesPerSecond)) * 1000;
}

/** The final dump of a move with rounds. */
function lastMs(load: Load): number {
  return transferMs(load) * load.lastShare;
}
