import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { message } from './message.ts';
import { Refusal } from './node.ts';

/** How images are kept: by the zstd program, by zlib as gzip files, or as they are. */
export const COMPRESSIONS = ['zstd', 'zlib', 'none'] as const;
export const Compression = z.enum(COMPRESSIONS);
export type Compression = z.infer<typeof Compression>;

/** A whole checkpoint of a store, as lists show it. */
export const CheckpointDigest = z.object({
  id: z.string(),
  container: z.string(),
  uuid: z.string(),
  /** Where it was made. */
  node: z.string(),
  createdAtMs: z.number(),
  trigger: z.enum(['operator', 'schedule']),
  /** It has only what changed since this one, and is nothing without it. */
  parent: z.string().optional(),
  /** The container ran on afterwards. */
  leftRunning: z.boolean(),
  compression: Compression,
  files: z.number().int(),
  /** Of the images. */
  bytes: z.number(),
  /** Of the directories that were put into it, on their disk; 0 where nodes share them. */
  rootfsBytes: z.number().default(0),
  /** What is kept of both. */
  storedBytes: z.number(),
  addresses: z.array(z.string()),
});
export type CheckpointDigest = z.infer<typeof CheckpointDigest>;

export const CheckpointRequest = message('container.checkpoint.request', {
  /** Thawed afterwards; without it the container is stopped once the checkpoint is whole. */
  leaveRunning: z.boolean().default(false),
  /** All of the memory, also where what changed since the checkpoint before would do. */
  full: z.boolean().default(false),
  /** Directories with policy `copy` are in it, too. */
  directories: z.boolean().default(true),
  /** The node's setting when not given. */
  compression: Compression.optional(),
  timeoutMs: z.number().int().positive().default(LIMITS.moveMs),
  unsafe: z.boolean().default(false),
});
export type CheckpointRequest = z.infer<typeof CheckpointRequest>;
export const CheckpointReply = message('container.checkpoint', {
  container: z.string(),
  node: z.string(),
  job: z.string(),
});
export type CheckpointReply = z.infer<typeof CheckpointReply>;

/**
 * Another node has restored the container and holds its tasks: it becomes the owner, if the container is stopped here and
 * its record is still at this revision.
 */
export const HandOverRequest = message('container.hand-over.request', {
  /** It becomes part of a path. */
  job: z.string().regex(/^[a-z0-9]{1,64}$/),
  to: z.string(),
  revision: z.number().int(),
  /** The domain XML of the checkpoint, which becomes the record's. */
  spec: z.string(),
  /**
   * The checkpoint brought these directories along, and this is how the node knows them (inode and size of the file system). Others under
   * their names are old from then on, and are left as the policy says.
   */
  brought: z.record(z.string().max(LIMITS.pathChars), z.string()).default({}),
});
export type HandOverRequest = z.infer<typeof HandOverRequest>;
export const HandOverReply = message('container.hand-over', { revision: z.number().int() });

export const CheckpointsRequest = message('node.checkpoints.request', { container: z.string().optional() });
export const CheckpointsReply = message('node.checkpoints', {
  node: z.string(),
  /** Newest first, `LIMITS.checkpointsListed` at most. */
  items: z.array(CheckpointDigest),
  /** Those whose manifest cannot be read. */
  damaged: z.array(z.object({ id: z.string(), problem: z.string() })),
});
export type CheckpointsReply = z.infer<typeof CheckpointsReply>;

export const CheckpointVerifyRequest = message('node.checkpoint-verify.request', { checkpoint: z.string() });
export const CheckpointVerifyReply = message('node.checkpoint-verify', {
  checkpoint: CheckpointDigest,
  durationMs: z.number(),
});
export type CheckpointVerifyReply = z.infer<typeof CheckpointVerifyReply>;

export const CheckpointDeleteRequest = message('node.checkpoint-delete.request', { checkpoint: z.string() });

/** Deletes all but the newest `keep`, and those older than `maxAgeMs`; never the newest one. */
export const CheckpointPruneRequest = message('node.checkpoint-prune.request', {
  container: z.string(),
  keep: z.number().int().min(1).optional(),
  maxAgeMs: z.number().positive().optional(),
  /** Only say which. */
  dryRun: z.boolean().default(false),
});
export const CheckpointPruneReply = message('node.checkpoint-prune', { items: z.array(CheckpointDigest) });

export const RestoreRequest = message('node.restore.request', {
  container: z.string(),
  /** The newest one of the container when not given. */
  checkpoint: z.string().optional(),
  /** Under another name, as a container of its own. */
  as: z.string().optional(),
  /** Another root directory than the description names: a copy of it. */
  root: z.string().max(LIMITS.pathChars).optional(),
  /** The operator knows that the owner, which does not answer, is dead for good. */
  force: z.boolean().default(false),
  unsafe: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  timeoutMs: z.number().int().positive().default(LIMITS.moveMs),
});
export type RestoreRequest = z.infer<typeof RestoreRequest>;

/** Accepted: `job` says where to look. A dry run has no job but what speaks against it. */
export const RestoreReply = message('node.restore', {
  container: z.string(),
  node: z.string(),
  checkpoint: CheckpointDigest,
  job: z.string().optional(),
  refusals: z.array(Refusal).default([]),
});
export type RestoreReply = z.infer<typeof RestoreReply>;
