import { z } from 'zod';
import { RequestedMode } from '../job.ts';
import { LIMITS } from '../limits.ts';
import { message } from './message.ts';
import { Capabilities, ContainerDigest, Refusal } from './node.ts';

export const ContainerInfoRequest = message('container.info.request', {});
export const ContainerInfo = message('container.info', {
  container: ContainerDigest,
  /** The domain XML as godwit honours it. */
  xml: z.string(),
  revision: z.number().int(),
  /** Limits read back from the cgroup, by name. */
  limits: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
});
export type ContainerInfo = z.infer<typeof ContainerInfo>;

export const StartRequest = message('container.start.request', {});
export const StopRequest = message('container.stop.request', {
  timeoutMs: z.number().int().nonnegative().default(10_000),
  kill: z.boolean().default(false),
});
export const SuspendRequest = message('container.suspend.request', {});
export const ResumeRequest = message('container.resume.request', {});
export const UndefineRequest = message('container.undefine.request', {});
export const StateReply = message('container.state', { container: ContainerDigest });
export type StateReply = z.infer<typeof StateReply>;

export const ExecRequest = message('container.exec.request', {
  argv: z.array(z.string()).min(1).max(LIMITS.execArgs),
  timeoutMs: z.number().int().positive().default(60_000),
});
export const ExecReply = message('container.exec', {
  exitCode: z.number().int(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
});
export type ExecReply = z.infer<typeof ExecReply>;

export const Iterations = z.union([z.literal('dynamic'), z.number().int().min(0).max(LIMITS.roundsMax)]);
export const NonconvergePolicy = z.enum(['cutover', 'abort', 'postcopy', 'throttle']);

export const MigrateRequest = message('container.migrate.request', {
  target: z.string().optional(),
  mode: RequestedMode.optional(),
  iterations: Iterations.optional(),
  maxDowntimeMs: z.number().positive().optional(),
  maxExposureMs: z.number().nonnegative().optional(),
  maxRounds: z.number().int().min(1).max(LIMITS.roundsMax).optional(),
  onNonconverge: NonconvergePolicy.optional(),
  bandwidthBytesPerSecond: z.number().positive().optional(),
  timeoutMs: z.number().int().positive().default(LIMITS.moveMs),
  dryRun: z.boolean().default(false),
  unsafe: z.boolean().default(false),
});
export type MigrateRequest = z.infer<typeof MigrateRequest>;

/** The owner of a container that is lost or in doubt settles it, when the source of its last move cannot. See `job.resolve`. */
export const ContainerResolveRequest = message('container.resolve.request', {
  job: z.string(),
  keep: z.string(),
  force: z.boolean().default(false),
});
export type ContainerResolveRequest = z.infer<typeof ContainerResolveRequest>;

/** Accepted: `job` says where to look. A dry run has no job but the pre-flight of both ends. */
export const MigrateReply = message('container.migrate', {
  container: z.string(),
  source: z.string(),
  target: z.string(),
  mode: RequestedMode,
  modeReason: z.string(),
  job: z.string().optional(),
  preflight: z
    .object({
      source: Capabilities,
      target: Capabilities,
      refusals: z.array(Refusal),
      predictedDowntimeMs: z.number(),
      predictedExposureMs: z.number(),
      memoryBytes: z.number(),
    })
    .optional(),
});
export type MigrateReply = z.infer<typeof MigrateReply>;
