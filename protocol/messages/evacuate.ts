import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { message } from './message.ts';
import { Refusal } from './node.ts';

export const EvacuateRequest = message('node.evacuate.request', {
  /** Moves at a time. */
  parallel: z.number().int().min(1).max(LIMITS.evacuateParallel).default(1),
  /** Nothing begins after it. */
  deadlineMs: z.number().int().positive().default(3_600_000),
  /** Of each move; 0 on a node that is failing. */
  maxExposureMs: z.number().nonnegative().optional(),
  dryRun: z.boolean().default(false),
  /** Refusals of each move that may be skipped are. */
  unsafe: z.boolean().default(false),
  /** Nobody asked for it: containers with `evacuate='no'` stay. */
  automatic: z.boolean().default(false),
  reason: z.string().max(LIMITS.logLineChars).default('asked for'),
});
export type EvacuateRequest = z.infer<typeof EvacuateRequest>;

/** Accepted: `job` says where to look. A dry run has none, but where each container would go now, or why nowhere. */
export const EvacuateReply = message('node.evacuate', {
  node: z.string(),
  job: z.string().optional(),
  /** In the order of the moves. */
  plan: z.array(
    z.object({
      container: z.string(),
      target: z.string().optional(),
      score: z.number().optional(),
      refusals: z.array(Refusal),
    }),
  ),
});
export type EvacuateReply = z.infer<typeof EvacuateReply>;
