import { type Capabilities, GodwitError, type Mode, type RequestedMode } from '../../protocol/mod.ts';
import { missingFeatures } from './software.ts';

/** One end of the move, as far as the choice needs it. */
export interface ModeEnd {
  readonly node: string;
  readonly features: Capabilities['features'];
}

/** What the choice is made from; `linkBytesPerSecond` and `fixedMs` come from a {@link PairModel}. */
export interface ModeQuestion {
  readonly requested: RequestedMode;
  readonly source: ModeEnd;
  readonly target: ModeEnd;
  /** Memory in use. */
  readonly memoryBytes: number;
  readonly linkBytesPerSecond: number;
  /** Freeze, images without memory, restore: what every mode costs. */
  readonly fixedMs: number;
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

/** Bytes that a restore reads from images on tmpfs in a second. */
const REBUILD_BYTES_PER_SECOND = 1024 * 1024 * 1024;

type Load = Pick<ModeQuestion, 'memoryBytes' | 'linkBytesPerSecond' | 'fixedMs'>;

/** The modes this version can do, safest first: on equal downtime the earlier one wins. */
const CANDIDATES: readonly { readonly mode: Mode; readonly predict: (load: Load) => Prediction }[] = [
  {
    mode: 'cold',
    predict: (load) => ({
      downtimeMs: load.fixedMs + transferMs(load) + rebuildMs(load.memoryBytes),
      exposureMs: 0,
    }),
  },
  { mode: 'postcopy', predict: (load) => ({ downtimeMs: load.fixedMs, exposureMs: transferMs(load) }) },
];

/** A candidate with everything that speaks for or against it. */
interface Verdict extends Prediction {
  readonly mode: Mode;
  /** Why it cannot be used at all. */
  readonly impossible?: string;
  /** Why `auto` does not use it. */
  readonly unwanted?: string;
}

/**
 * The mode of a move. `auto`: of those both ends can do and whose exposure is within the limit, the one with the lowest
 * predicted downtime. Pure and deterministic.
 * @throws GodwitError MODE_UNAVAILABLE when the asked mode cannot be had
 */
export function chooseMode(question: ModeQuestion): ModeChoice {
  const verdicts = CANDIDATES.map(({ mode, predict }) => judge(question, mode, predict(question)));
  const { requested } = question;
  const chosen =
    requested === 'auto'
      ? verdicts
          .filter((verdict) => verdict.impossible === undefined && verdict.unwanted === undefined)
          .reduce<Verdict | undefined>(
            (best, one) => (best && best.downtimeMs <= one.downtimeMs ? best : one),
            undefined,
          )
      : verdicts.find((verdict) => verdict.mode === requested);
  if (!chosen) throw unavailable(question, 'this version does not do it');
  if (chosen.impossible !== undefined) throw unavailable(question, chosen.impossible);
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

/** What a mode would cost. @throws GodwitError MODE_UNAVAILABLE for one that this version does not do */
export function predict(mode: Mode, load: Load): Prediction {
  const candidate = CANDIDATES.find((one) => one.mode === mode);
  if (!candidate)
    throw new GodwitError('MODE_UNAVAILABLE', {
      mode,
      source: '',
      target: '',
      problem: 'this version does not do it',
    });
  return candidate.predict(load);
}

function judge(question: ModeQuestion, mode: Mode, prediction: Prediction): Verdict {
  const lacks = (['source', 'target'] as const).flatMap((end) =>
    missingFeatures(end, mode, question[end].features).map(
      (feature) => `${question[end].node} lacks ${feature}`,
    ),
  );
  if (lacks.length > 0) return { mode, ...prediction, impossible: lacks.join(', ') };
  const exposed = mode === 'postcopy' || mode === 'hybrid';
  if (exposed && question.maxExposureMs <= 0)
    return { mode, ...prediction, impossible: 'exposure is limited to 0' };
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

function unavailable(question: ModeQuestion, problem: string): GodwitError {
  return new GodwitError('MODE_UNAVAILABLE', {
    mode: question.requested,
    source: question.source.node,
    target: question.target.node,
    problem,
  });
}

function transferMs({ memoryBytes, linkBytesPerSecond }: Load): number {
  return (memoryBytes / Math.max(1, linkBytesPerSecond)) * 1000;
}

/** How long a restore reads `memoryBytes` from its images. */
export function rebuildMs(memoryBytes: number): number {
  return (memoryBytes / REBUILD_BYTES_PER_SECOND) * 1000;
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
