import { z } from 'zod';
import { CATALOGUE, type ErrorCode } from './errors.ts';
import { Evacuation } from './placement/evacuation.ts';

export const MODES = ['cold', 'precopy', 'postcopy', 'hybrid'] as const;
export const Mode = z.enum(MODES);
export type Mode = z.infer<typeof Mode>;
export const RequestedMode = z.enum(['auto', ...MODES]);
export type RequestedMode = z.infer<typeof RequestedMode>;

/** How a job ended. `failed`, `aborted`, `refused` and `timeout`: the container runs on at the source. */
export const OUTCOMES = ['done', 'failed', 'aborted', 'refused', 'timeout', 'in-doubt', 'lost'] as const;
export const Outcome = z.enum(OUTCOMES);
export type Outcome = z.infer<typeof Outcome>;

export const WireErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().default(''),
  details: z.record(z.string(), z.unknown()).default({}),
});

/** One phase of a job on one node. Times are Unix milliseconds of that node's clock. */
export const JobPhase = z.object({
  name: z.string(),
  node: z.string(),
  startMs: z.number(),
  endMs: z.number().optional(),
});
export type JobPhase = z.infer<typeof JobPhase>;

/** One pre-dump, from CRIU's stats-dump. */
export const Round = z.object({
  index: z.number().int(),
  pagesWritten: z.number().int(),
  pagesSkipped: z.number().int(),
  bytes: z.number().int(),
  durationMs: z.number(),
  frozenMs: z.number(),
});
export type Round = z.infer<typeof Round>;

/** One look through a root file system that is copied, and what it sent. */
export const RootfsPass = z.object({
  index: z.number().int(),
  /** True for the last one: the container stood still. */
  frozen: z.boolean(),
  /** Files, directories and everything else that was to be looked at by both ends. */
  entries: z.number().int(),
  bytes: z.number().int(),
  durationMs: z.number(),
});
export type RootfsPass = z.infer<typeof RootfsPass>;

export const JobBytes = z.object({ memory: z.number(), images: z.number(), rootfs: z.number() });
export type JobBytes = z.infer<typeof JobBytes>;

/** What a job is doing right now; the progress line is made of this. */
export const Progress = z.object({
  phase: z.string(),
  round: z.number().int().optional(),
  bytes: z.number(),
  totalBytes: z.number().optional(),
  rateBytesPerSecond: z.number(),
  dirtyRateBytesPerSecond: z.number().optional(),
  expectedDowntimeMs: z.number().optional(),
  etaMs: z.number().optional(),
});
export type Progress = z.infer<typeof Progress>;

/** A move that waits: for those before it on its node, or for a target that has enough to do. */
export const JobQueue = z.object({
  /** 1 is the next to begin. */
  place: z.number().int().positive().optional(),
  /** The node that would take it if it had less to do; the moves after this one go first meanwhile. */
  waitsFor: z.string().optional(),
  /** What was asked for: an agent that restarts goes on with it. */
  request: z.record(z.string(), z.unknown()),
});
export type JobQueue = z.infer<typeof JobQueue>;

/** An evacuation is of many containers and names none. A checkpoint and a restore are between a node (both `source` and `target`) and its store. */
export const JOB_KINDS = ['migrate', 'checkpoint', 'restore', 'evacuate'] as const;

/** One long operation, as the node that runs it remembers it (`godwit job show`, the end of `migrate --json`). */
export const Job = z.object({
  type: z.literal('io.godwit.v1.job'),
  job: z.string(),
  kind: z.enum(JOB_KINDS),
  container: z.string(),
  node: z.string(),
  source: z.string(),
  target: z.string(),
  mode: Mode,
  modeReason: z.string(),
  state: z.enum(['running', 'ended']),
  outcome: Outcome.optional(),
  startedAtMs: z.number(),
  endedAtMs: z.number().optional(),
  progress: Progress,
  phases: z.array(JobPhase),
  rounds: z.array(Round),
  rootfsPasses: z.array(RootfsPass).default([]),
  bytes: JobBytes,
  /** When the first task was about to stop, and when the first ran on the target: Unix milliseconds of the source's clock. */
  stoppedAtMs: z.number().optional(),
  resumedAtMs: z.number().optional(),
  /** From before the first task stopped to complete images at the source. */
  freezeMs: z.number().optional(),
  /** From before the first task stopped to the first that runs on the target; the target's clock is corrected. */
  downtimeMs: z.number().optional(),
  /** From the commit to the last page on the target: losing the source would have lost the container. */
  exposureMs: z.number().optional(),
  totalMs: z.number().optional(),
  /** The source stands still with everything it had: from complete images until it runs on or is killed. */
  frozenCopy: z.boolean().optional(),
  /** The checkpoint that was made, or is restored. */
  checkpoint: z.object({ id: z.string(), storedBytes: z.number() }).optional(),
  /** A move that has not begun yet, and why. */
  queue: JobQueue.optional(),
  evacuation: Evacuation.extend({
    maxExposureMs: z.number().optional(),
    unsafe: z.boolean().optional(),
  }).optional(),
  /** What an operator decided about a move in doubt, and when. */
  resolved: z.object({ keep: z.string(), force: z.boolean(), atMs: z.number() }).optional(),
  error: WireErrorSchema.optional(),
  /** What was found out after the move, for people. */
  warnings: z.array(z.string()).optional(),
  /** First error lines of CRIU's log, when CRIU failed. */
  log: z.array(z.string()).default([]),
});
export type Job = z.infer<typeof Job>;

/** The document that ends `godwit migrate --json` (DESIGN section 10). */
export const MigrateResult = z.object({
  type: z.literal('io.godwit.v1.migrate-result'),
  job: z.string(),
  container: z.string(),
  source: z.string(),
  target: z.string(),
  mode: Mode,
  rounds: z.array(Round),
  rootfsPasses: z.array(RootfsPass).default([]),
  bytes: JobBytes,
  freezeMs: z.number().nullable(),
  downtimeMs: z.number().nullable(),
  exposureMs: z.number().nullable(),
  totalMs: z.number().nullable(),
  outcome: Outcome,
  error: WireErrorSchema.optional(),
});
export type MigrateResult = z.infer<typeof MigrateResult>;

/**
 * The CLI's exit code for an ended job (DESIGN section 10). A refusal has that of its reason: a target that nobody knows
 * is 3, none that takes the container 4, a pre-flight that found something 8.
 */
export function exitCodeOf(outcome: Outcome, reason?: { readonly code: string }): number {
  if (outcome === 'refused' && reason && Object.hasOwn(CATALOGUE, reason.code))
    return CATALOGUE[reason.code as ErrorCode].exit;
  const codes = { done: 0, failed: 1, aborted: 1, refused: 8, timeout: 124, 'in-doubt': 9, lost: 9 } as const;
  return codes[outcome];
}

/** The result document of an ended job. */
export function resultOf(job: Job): MigrateResult {
  return {
    type: 'io.godwit.v1.migrate-result',
    job: job.job,
    container: job.container,
    source: job.source,
    target: job.target,
    mode: job.mode,
    rounds: job.rounds,
    rootfsPasses: job.rootfsPasses,
    bytes: job.bytes,
    freezeMs: job.freezeMs ?? null,
    downtimeMs: job.downtimeMs ?? null,
    exposureMs: job.exposureMs ?? null,
    totalMs: job.totalMs ?? null,
    outcome: job.outcome ?? 'in-doubt',
    ...(job.error ? { error: job.error } : {}),
  };
}
