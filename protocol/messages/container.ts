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
export const RenameRequest = message('container.rename.request', { name: z.string() });
export const StateReply = message('container.state', { container: ContainerDigest });
export type StateReply = z.infer<typeof StateReply>;

export const ExecRequest = message('container.exec.request', {
  argv: z.array(z.string()).min(1).max(LIMITS.execArgs),
  timeoutMs: z.number().int().positive().default(60_000),
  /** Chosen by whoever asks: as a session of this name it takes signals (exec-write), until it is answered. */
  session: z
    .string()
    .regex(/^[\w-]{16,64}$/)
    .optional(),
});
export const ExecReply = message('container.exec', {
  exitCode: z.number().int(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
});
export type ExecReply = z.infer<typeof ExecReply>;

const TerminalSize = z.object({
  columns: z.number().int().min(1).max(LIMITS.terminalSize),
  rows: z.number().int().min(1).max(LIMITS.terminalSize),
});

/** A command that somebody talks to: it runs until it ends, or until nobody has read from it for LIMITS.execSilentMs. */
export const ExecOpenRequest = message('container.exec-open.request', {
  argv: z.array(z.string()).min(1).max(LIMITS.execArgs),
  /** It gets a terminal of this size; without one it has pipes. */
  terminal: TerminalSize.extend({ term: z.string().regex(/^[\w.+-]{1,64}$/) }).optional(),
});
export const ExecOpenReply = message('container.exec-open', { session: z.string() });

/** Answered as soon as there is something to say, or after LIMITS.execReadMs. */
export const ExecReadRequest = message('container.exec-read.request', { session: z.string() });
export const ExecReadReply = message('container.exec-read', {
  /** What it wrote, base64. */
  stdout: z.string(),
  stderr: z.string(),
  /** Present when it has ended and everything was read: 128 and the signal's number when one ended it. The session is over. */
  exitCode: z.number().int().optional(),
});
export type ExecReadReply = z.infer<typeof ExecReadReply>;

export const EXEC_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;
/** What is there is done in this order. */
export const ExecWriteRequest = message('container.exec-write.request', {
  session: z.string(),
  /** Of its input, base64. */
  data: z
    .string()
    .max(LIMITS.execInputBytes * 2)
    .default(''),
  /** Nothing follows. */
  end: z.boolean().default(false),
  size: TerminalSize.optional(),
  signal: z.enum(EXEC_SIGNALS).optional(),
});

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
