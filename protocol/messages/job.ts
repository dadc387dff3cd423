import { z } from 'zod';
import { Job, JobPhase, WireErrorSchema } from '../job.ts';
import { LIMITS } from '../limits.ts';
import { message } from './message.ts';

export const JobInfoRequest = message('job.info.request', {});
export const JobInfo = message('job.info', { job: Job });
export const JobsRequest = message('jobs.request', {});
export const JobsReply = message('jobs', { node: z.string(), jobs: z.array(Job) });
export type JobsReply = z.infer<typeof JobsReply>;

export const JobAbortRequest = message('job.abort.request', {
  reason: z.string().default('aborted by request'),
});
export const JobSetRequest = message('job.set.request', {
  maxDowntimeMs: z.number().positive().optional(),
  bandwidthBytesPerSecond: z.number().positive().optional(),
});

/** An operator's decision about a move in doubt: the copy on this node is kept, the other one goes. */
export const JobResolveRequest = message('job.resolve.request', {
  keep: z.string(),
  /** The operator knows that the other node is dead for good: it is not asked. */
  force: z.boolean().default(false),
});
export type JobResolveRequest = z.infer<typeof JobResolveRequest>;

/**
 * What the target tells the source on `job.<job>.report`. `prepared`: built, held in the post-restore hook.
 * `running`: the tasks run. `filled`: post-copy, every page is here. `failed`: undone on the target (before the commit).
 * `lost`: after the commit the pages cannot be had any more.
 */
export const JobReport = message('job.report', {
  job: z.string(),
  node: z.string(),
  kind: z.enum(['prepared', 'running', 'filled', 'failed', 'lost']),
  nowMs: z.number(),
  /** For `running`: when the tasks ran again, on the target's clock. */
  resumedAtMs: z.number().optional(),
  /** For `failed` and `lost`. */
  error: WireErrorSchema.optional(),
  log: z.array(z.string()).default([]),
  phases: z.array(JobPhase).default([]),
  bytes: z.number().optional(),
});
export type JobReport = z.infer<typeof JobReport>;

/** What the target found out about the container after the move, for people: kept with the job. */
export const JobRemark = message('job.remark.request', {
  job: z.string(),
  text: z.string().max(LIMITS.logLineChars),
});

/** Event payload on `event.job.<job>` (a CloudEvent's data): the job as it is now. */
export const JobEvent = message('event.job', {
  event: z.enum(['accepted', 'progress', 'phase', 'ended', 'remark']),
  job: Job,
});
export type JobEvent = z.infer<typeof JobEvent>;
