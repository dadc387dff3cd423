import { z } from 'zod';
import { type Job, JobBytes, type MigrateResult, Outcome, resultOf, WireErrorSchema } from './job.ts';
import { EvacuationItem } from './placement/evacuation.ts';
import { GroupPause, groupPauses } from './placement/group-pause.ts';

const RESULT = {
  job: z.string(),
  container: z.string(),
  node: z.string(),
  /** Its id; null when none was made. */
  checkpoint: z.string().nullable(),
  bytes: JobBytes,
  storedBytes: z.number().nullable(),
  /** From before the first task stopped until the container ran again; null where it did not. */
  downtimeMs: z.number().nullable(),
  totalMs: z.number().nullable(),
  outcome: Outcome,
  error: WireErrorSchema.optional(),
};

/** The document that ends `godwit checkpoint --json`. */
export const CheckpointResult = z.object({ type: z.literal('io.godwit.v1.checkpoint-result'), ...RESULT });
export type CheckpointResult = z.infer<typeof CheckpointResult>;

/** The document that ends `godwit restore --json`. */
export const RestoreResult = z.object({ type: z.literal('io.godwit.v1.restore-result'), ...RESULT });
export type RestoreResult = z.infer<typeof RestoreResult>;

/** The document that ends `godwit evacuate --json`. */
export const EvacuateResult = z.object({
  type: z.literal('io.godwit.v1.evacuate-result'),
  job: z.string(),
  node: z.string(),
  /** In the order of the moves. */
  items: z.array(EvacuationItem),
  /** How long groups of containers were held up. */
  groups: z.array(GroupPause).default([]),
  totalMs: z.number().nullable(),
  outcome: Outcome,
  error: WireErrorSchema.optional(),
});
export type EvacuateResult = z.infer<typeof EvacuateResult>;

export type JobResult = MigrateResult | CheckpointResult | RestoreResult | EvacuateResult;

/** The result document of an ended job of any kind. */
export function documentOf(job: Job): JobResult {
  switch (job.kind) {
    case 'migrate':
      return resultOf(job);
    case 'checkpoint':
      return { type: 'io.godwit.v1.checkpoint-result', ...storeResult(job) };
    case 'restore':
      return { type: 'io.godwit.v1.restore-result', ...storeResult(job) };
    case 'evacuate':
      return {
        type: 'io.godwit.v1.evacuate-result',
        job: job.job,
        node: job.node,
        items: job.evacuation?.items ?? [],
        groups: groupPauses(job.evacuation?.items ?? []),
        totalMs: job.totalMs ?? null,
        outcome: job.outcome ?? 'in-doubt',
        ...(job.error ? { error: job.error } : {}),
      };
  }
}

function storeResult(job: Job): Omit<CheckpointResult, 'type'> {
  return {
    job: job.job,
    container: job.container,
    node: job.node,
    checkpoint: job.checkpoint?.id ?? null,
    bytes: job.bytes,
    storedBytes: job.checkpoint?.storedBytes ?? null,
    downtimeMs: job.downtimeMs ?? null,
    totalMs: job.totalMs ?? null,
    outcome: job.outcome ?? 'in-doubt',
    ...(job.error ? { error: job.error } : {}),
  };
}
