import { z } from 'zod';
import { Job, Outcome, WireErrorSchema } from './job.ts';
import { CheckpointDigest } from './messages/checkpoint.ts';
import { message } from './messages/message.ts';
import { ContainerDigest, DoctorCheck, NodeInfo } from './messages/node.ts';
import { BalanceMove } from './placement/balance/words.ts';

/** `godwit ps -o json`. */
export const ContainerList = message('container.list', { items: z.array(ContainerDigest) });
export type ContainerList = z.infer<typeof ContainerList>;

/** `godwit node ls -o json`. */
export const NodeList = message('node.list', { items: z.array(NodeInfo) });
export type NodeList = z.infer<typeof NodeList>;

/** `godwit job ls -o json`. */
export const JobList = message('job.list', { items: z.array(Job) });
export type JobList = z.infer<typeof JobList>;

/** `godwit doctor -o json`: the checks of every node that was asked. */
export const DoctorList = message('doctor.list', {
  items: z.array(DoctorCheck.extend({ node: z.string() })),
});
export type DoctorList = z.infer<typeof DoctorList>;

/** `godwit checkpoints -o json`, and those that `delete` and `prune` deleted. */
export const CheckpointList = message('checkpoint.list', { items: z.array(CheckpointDigest) });
export type CheckpointList = z.infer<typeof CheckpointList>;

/** One move of `godwit balance`; with `--apply` what became of it. */
export const BalanceItem = BalanceMove.extend({
  job: z.string().optional(),
  outcome: Outcome.optional(),
  error: WireErrorSchema.optional(),
});
export type BalanceItem = z.infer<typeof BalanceItem>;

/** `godwit balance -o json`: the plan, or with `--apply` what was done of it. */
export const BalanceList = message('balance.list', { items: z.array(BalanceItem) });
export type BalanceList = z.infer<typeof BalanceList>;

/** `godwit version -o json`. */
export const VersionDocument = message('version', {
  version: z.string(),
  protocol: z.string(),
  runtime: z.string(),
});
export type VersionDocument = z.infer<typeof VersionDocument>;

/** What a command with --json writes on stderr when it fails. */
export const ErrorDocument = message('error', {
  code: z.string(),
  status: z.number().int(),
  message: z.string(),
  hint: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type ErrorDocument = z.infer<typeof ErrorDocument>;

/** `godwit undefine -o json`: the containers that are forgotten. */
export const UndefinedList = message('container.undefined', {
  items: z.array(z.object({ name: z.string() })),
});
export type UndefinedList = z.infer<typeof UndefinedList>;
