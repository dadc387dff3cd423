import { z } from 'zod';

/** Phases of a container record. `switching`: a move is between freeze and commit, the owner is still the source.
 * `resuming`: committed, the new owner lets the tasks run. `filling`: post-copy, it runs while pages still arrive. */
export const PHASES = ['stopped', 'running', 'switching', 'resuming', 'filling', 'in-doubt', 'lost'] as const;
export const Phase = z.enum(PHASES);
export type Phase = z.infer<typeof Phase>;

/** The move a record is part of. */
export const RecordJob = z.object({
  id: z.string(),
  source: z.string(),
  target: z.string(),
  mode: z.string(),
});
export type RecordJob = z.infer<typeof RecordJob>;

/**
 * One container's record in the KV bucket `godwit_<cluster>_containers`: who owns it. Changed by compare-and-swap on
 * its revision only (DESIGN section 6). `epoch` grows by one with each change of owner and never shrinks.
 */
export const ContainerRecord = z.object({
  type: z.literal('io.godwit.v1.record'),
  name: z.string(),
  uuid: z.string(),
  owner: z.string(),
  epoch: z.number().int().nonnegative(),
  phase: Phase,
  /** The domain XML as it was defined. */
  spec: z.string(),
  job: RecordJob.optional(),
});
export type ContainerRecord = z.infer<typeof ContainerRecord>;
