import { z } from 'zod';
import { Mode, WireErrorSchema } from '../job.ts';
import { LIMITS } from '../limits.ts';
import { Capacity, NodeLoad, Usage } from '../placement/load.ts';
import { Phase } from '../record.ts';
import { message } from './message.ts';

/** What a node's CRIU, kernel and runtime can do; migration modes are chosen from both ends' sets. */
export const Capabilities = z.object({
  arch: z.string(),
  kernel: z.string(),
  criu: z.string(),
  lxc: z.string(),
  cgroup: z.enum(['v1', 'v2']),
  /** Results of `criu check --feature`, by CRIU's own names. */
  features: z.record(z.string(), z.boolean()),
  cpus: z.number().int(),
  memoryBytes: z.number(),
  /** Version of rsync; none means that it is not there. */
  rsync: z.string().optional(),
  /** Whether it takes, and hands on, the TCP frames that come for a container while it stands still. */
  keepsFrames: z.boolean().optional(),
});
export type Capabilities = z.infer<typeof Capabilities>;

/** A container as its owner sees it. */
export const ContainerDigest = z.object({
  name: z.string(),
  uuid: z.string(),
  owner: z.string(),
  epoch: z.number().int(),
  phase: Phase,
  /** The runtime's own word: what LXC says right now. */
  state: z.enum(['running', 'stopped', 'frozen', 'unknown']),
  pid: z.number().int().optional(),
  memoryBytes: z.number().optional(),
  memoryLimitBytes: z.number().optional(),
  addresses: z.array(z.string()).default([]),
  job: z.string().optional(),
  /** What it uses, smoothed over some seconds; absent until its node has looked twice. */
  usage: Usage.optional(),
});
export type ContainerDigest = z.infer<typeof ContainerDigest>;

export const NodeState = z.enum(['up', 'cordoned', 'draining']);
export type NodeState = z.infer<typeof NodeState>;

/** What an operator says of a node, for the constraints of containers. */
export const Labels = z.record(z.string(), z.string());
export type Labels = z.infer<typeof Labels>;

export const NodeInfoRequest = message('node.info.request', {});
export const NodeInfo = message('node.info', {
  node: z.string(),
  cluster: z.string(),
  version: z.string(),
  state: NodeState,
  address: z.string(),
  dataPort: z.number().int(),
  startedAtMs: z.number(),
  nowMs: z.number(),
  incarnation: z.string(),
  capabilities: Capabilities,
  memoryAvailableBytes: z.number(),
  labels: Labels.default({}),
  capacity: Capacity.optional(),
  /** Smoothed; absent until the node has looked twice. */
  load: NodeLoad.optional(),
  /** Remarks an operator should see, such as "two nodes: the records live on n1 only". */
  notes: z.array(z.string()).default([]),
  containers: z.array(ContainerDigest),
  /** Frozen copies of containers that moves have given to another node: theirs until that needs nothing more. */
  held: z.array(z.object({ container: z.string(), job: z.string(), target: z.string() })).default([]),
});
export type NodeInfo = z.infer<typeof NodeInfo>;

/** The small, frequent self-description (about 1 Hz with jitter). */
export const Announce = message('announce', {
  node: z.string(),
  state: NodeState,
  incarnation: z.string(),
  sequence: z.number().int(),
  address: z.string(),
  containers: z.number().int(),
  memoryAvailableBytes: z.number(),
  labels: Labels.default({}),
  capacity: Capacity.optional(),
  /** Smoothed; absent until the node has looked twice. */
  load: NodeLoad.optional(),
});
export type Announce = z.infer<typeof Announce>;

/** One reason why a move cannot be. `overridable` ones are skipped by --unsafe. */
export const Refusal = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  node: z.string(),
  overridable: z.boolean().default(false),
});
export type Refusal = z.infer<typeof Refusal>;

/** What shows that both ends see the same root file system (policy `shared`); read at the source, compared at the target. */
export const RootfsIdentity = z.object({
  /** SHA-256 over name, kind, mode and owner of the root's top-level directories and links. */
  entries: z.string(),
  /** SHA-256 over size, mode and first bytes of the init program. */
  init: z.string(),
  /** Inode number of the root directory, decimal; differs where one end has a copy. */
  inode: z.string(),
});
export type RootfsIdentity = z.infer<typeof RootfsIdentity>;

/** All of a lower directory of an overlay but the contents of its files; read at the source, compared at the target. */
export const LowerOutline = z.object({
  /** SHA-256 over paths, kinds, modes, owners, sizes of files and where links lead. */
  digest: z.string(),
  /** Eight hexadecimal digits for each directory, of the entries right in it, to name the one that differs; empty: too many. */
  directories: z
    .string()
    .max(LIMITS.lowerDirectories * 8)
    .regex(/^([0-9a-f]{8})*$/),
  /** SHA-256 over the hashes of all files as well; absent unless they have been read already. */
  contents: z.string().optional(),
});
export type LowerOutline = z.infer<typeof LowerOutline>;

export const PrepareRequest = message('node.prepare.request', {
  job: z.string(),
  container: z.string(),
  uuid: z.string(),
  source: z.string(),
  sourceCapabilities: Capabilities,
  mode: Mode,
  epoch: z.number().int(),
  /** Of the record before the source claims it: older looks at it say nothing about this move. */
  revision: z.number().int(),
  /** The domain XML. */
  spec: z.string(),
  /** Memory in use at the source now: what the target must have room for. */
  memoryBytes: z.number(),
  /** Flags of the source's CPU, by the kernel's names; empty when unknown. */
  cpuFlags: z.array(z.string().max(LIMITS.cpuFlagChars)).max(LIMITS.cpuFlags).default([]),
  rootfs: RootfsIdentity.optional(),
  /** What each directory that is copied takes on the source's disk, the root file system first; 0 where that is not known. */
  copiedBytes: z
    .array(z.number())
    .max(LIMITS.filesystems + 1)
    .default([]),
  /** Inode number and size of the file system, decimal, of volumes with policy `shared`, by their path. */
  sharedInodes: z.record(z.string(), z.string()).default({}),
  /** What the root file system is laid over, by its path, as far as that could be looked at in time. */
  lower: z.record(z.string(), LowerOutline).default({}),
  /** Names of files of limits that the restore writes in the container's groups; it fails where one is not there. */
  limitFiles: z
    .array(
      z
        .string()
        .regex(/^[a-z]+(\.[a-z_]+)+$/)
        .max(LIMITS.limitFileChars),
    )
    .max(LIMITS.limitFiles)
    .default([]),
  /** The source's clock when it sent this; the target compares its own. */
  nowMs: z.number(),
  /** Where the target asks for pages that follow the container, and what it shows there. */
  pages: z.object({
    host: z.string(),
    port: z.number().int(),
    token: z.string().max(LIMITS.tokenChars),
  }),
  /** Only look, reserve nothing. */
  dryRun: z.boolean().default(false),
  /** An auction found this node: others were placed at the same time. Who names a node by hand means it. */
  auctioned: z.boolean().default(false),
  unsafe: z.boolean().default(false),
  /** The time limit of the whole move; the target gives up by itself some time after it. */
  timeoutMs: z.number().int().positive().default(LIMITS.moveMs),
  bandwidthBytesPerSecond: z.number().positive().optional(),
});
export type PrepareRequest = z.infer<typeof PrepareRequest>;

export const PrepareReply = message('node.prepare', {
  job: z.string(),
  node: z.string(),
  capabilities: Capabilities,
  refusals: z.array(Refusal),
  nowMs: z.number(),
  /** Present when nothing was refused and it was not a dry run. */
  data: z
    .object({
      host: z.string(),
      port: z.number().int(),
      token: z.string(),
      /** For each directory that the move copies, whether an older copy is there. */
      bases: z.array(z.boolean()).optional(),
    })
    .optional(),
});
export type PrepareReply = z.infer<typeof PrepareReply>;

/** After the rounds of a pre-copy: how its memory comes to an end. Answered when the target is ready for the final dump. */
export const SwitchRequest = message('node.switch.request', {
  job: z.string(),
  mode: Mode,
  /** Rounds that the target has whole; the final dump's parent is the last. 0: there is none. */
  rounds: z.number().int().min(0).max(LIMITS.roundsMax),
});
export type SwitchRequest = z.infer<typeof SwitchRequest>;

/** The verdict for the target: the record names it since `revision`. */
export const CommitRequest = message('node.commit.request', {
  job: z.string(),
  container: z.string(),
  epoch: z.number().int(),
  revision: z.number().int(),
});
export type CommitRequest = z.infer<typeof CommitRequest>;

export const AbortRequest = message('node.abort.request', { job: z.string(), reason: z.string() });
export type AbortRequest = z.infer<typeof AbortRequest>;

/** Nothing is left on the target; `error`: what had gone wrong there, when that is the root of the abort. */
export const AbortReply = message('node.abort', { error: WireErrorSchema.optional() });
export type AbortReply = z.infer<typeof AbortReply>;

export const Acknowledged = message('ok', {});
export type Acknowledged = z.infer<typeof Acknowledged>;

export const DefineRequest = message('node.define.request', {
  /** The domain XML; ignored when `fromLxc` names a container. */
  xml: z.string().default(''),
  file: z.string().default('-'),
  /** A container that LXC has on that node: it becomes godwit's as it is, running or not. */
  fromLxc: z.string().optional(),
});
export const DefineReply = message('node.define', {
  name: z.string(),
  uuid: z.string(),
  node: z.string(),
  changed: z.boolean(),
  /** What an operator should know of how it was described. */
  notes: z.array(z.string()).default([]),
});

export const DoctorRequest = message('node.doctor.request', {});
export const DoctorCheck = z.object({
  name: z.string(),
  status: z.enum(['ok', 'warning', 'failed', 'skipped']),
  message: z.string(),
  /** What it means and how to cure it; empty when ok. */
  hint: z.string().default(''),
  durationMs: z.number(),
});
export type DoctorCheck = z.infer<typeof DoctorCheck>;
export const DoctorReply = message('node.doctor', { node: z.string(), checks: z.array(DoctorCheck) });
export type DoctorReply = z.infer<typeof DoctorReply>;
