import type { AllVerb, ContainerVerb, JobVerb, NodeVerb } from '../subjects.ts';
import { AuctionReply, AuctionRequest, ContainerAuction, ContainerAuctionRequest } from './auction.ts';
import { BalanceReply, BalanceRequest } from './balance.ts';
import {
  CheckpointDeleteRequest,
  CheckpointPruneReply,
  CheckpointPruneRequest,
  CheckpointReply,
  CheckpointRequest,
  CheckpointsReply,
  CheckpointsRequest,
  CheckpointVerifyReply,
  CheckpointVerifyRequest,
  HandOverReply,
  HandOverRequest,
  RestoreReply,
  RestoreRequest,
} from './checkpoint.ts';
import {
  ContainerInfo,
  ContainerInfoRequest,
  ContainerResolveRequest,
  ExecOpenReply,
  ExecOpenRequest,
  ExecReadReply,
  ExecReadRequest,
  ExecReply,
  ExecRequest,
  ExecWriteRequest,
  MigrateReply,
  MigrateRequest,
  RenameRequest,
  ResumeRequest,
  StartRequest,
  StateReply,
  StopRequest,
  SuspendRequest,
  UndefineRequest,
} from './container.ts';
import { EvacuateReply, EvacuateRequest } from './evacuate.ts';
import {
  JobAbortRequest,
  JobInfo,
  JobInfoRequest,
  JobRemark,
  JobReport,
  JobResolveRequest,
  JobSetRequest,
  JobsReply,
  JobsRequest,
} from './job.ts';
import type { Exchange } from './message.ts';
import {
  AbortReply,
  AbortRequest,
  Acknowledged,
  CommitRequest,
  DefineReply,
  DefineRequest,
  DoctorReply,
  DoctorRequest,
  NodeInfo,
  NodeInfoRequest,
  PrepareReply,
  PrepareRequest,
  SwitchRequest,
} from './node.ts';
import { Preparation, PrepareRootfsRequest } from './preparation.ts';

/** Every request of the bus with its reply, by subject family and verb: the table servers and clients share. */
export const EXCHANGES = {
  node: {
    info: { request: NodeInfoRequest, reply: NodeInfo },
    bid: { request: AuctionRequest, reply: AuctionReply },
    jobs: { request: JobsRequest, reply: JobsReply },
    prepare: { request: PrepareRequest, reply: PrepareReply },
    switch: { request: SwitchRequest, reply: Acknowledged },
    commit: { request: CommitRequest, reply: Acknowledged },
    abort: { request: AbortRequest, reply: AbortReply },
    define: { request: DefineRequest, reply: DefineReply },
    doctor: { request: DoctorRequest, reply: DoctorReply },
    cordon: { request: NodeInfoRequest, reply: NodeInfo },
    evacuate: { request: EvacuateRequest, reply: EvacuateReply },
    balance: { request: BalanceRequest, reply: BalanceReply },
    uncordon: { request: NodeInfoRequest, reply: NodeInfo },
    restore: { request: RestoreRequest, reply: RestoreReply },
    checkpoints: { request: CheckpointsRequest, reply: CheckpointsReply },
    'checkpoint-verify': { request: CheckpointVerifyRequest, reply: CheckpointVerifyReply },
    'checkpoint-delete': { request: CheckpointDeleteRequest, reply: Acknowledged },
    'checkpoint-prune': { request: CheckpointPruneRequest, reply: CheckpointPruneReply },
  },
  container: {
    info: { request: ContainerInfoRequest, reply: ContainerInfo },
    start: { request: StartRequest, reply: StateReply },
    stop: { request: StopRequest, reply: StateReply },
    suspend: { request: SuspendRequest, reply: StateReply },
    resume: { request: ResumeRequest, reply: StateReply },
    undefine: { request: UndefineRequest, reply: Acknowledged },
    rename: { request: RenameRequest, reply: StateReply },
    exec: { request: ExecRequest, reply: ExecReply },
    'exec-open': { request: ExecOpenRequest, reply: ExecOpenReply },
    'exec-read': { request: ExecReadRequest, reply: ExecReadReply },
    'exec-write': { request: ExecWriteRequest, reply: Acknowledged },
    'prepare-rootfs': { request: PrepareRootfsRequest, reply: Preparation },
    migrate: { request: MigrateRequest, reply: MigrateReply },
    checkpoint: { request: CheckpointRequest, reply: CheckpointReply },
    'hand-over': { request: HandOverRequest, reply: HandOverReply },
    auction: { request: ContainerAuctionRequest, reply: ContainerAuction },
    resolve: { request: ContainerResolveRequest, reply: StateReply },
  },
  job: {
    info: { request: JobInfoRequest, reply: JobInfo },
    abort: { request: JobAbortRequest, reply: JobInfo },
    set: { request: JobSetRequest, reply: JobInfo },
    report: { request: JobReport, reply: Acknowledged },
    remark: { request: JobRemark, reply: Acknowledged },
    resolve: { request: JobResolveRequest, reply: JobInfo },
  },
  /** A subject of its own, `….auction`. */
  scatter: {
    auction: { request: AuctionRequest, reply: AuctionReply },
  },
  all: {
    info: { request: NodeInfoRequest, reply: NodeInfo },
    jobs: { request: JobsRequest, reply: JobsReply },
  },
} as const satisfies {
  node: Record<NodeVerb, Exchange>;
  container: Record<ContainerVerb, Exchange>;
  job: Record<JobVerb, Exchange>;
  scatter: Record<'auction', Exchange>;
  all: Record<AllVerb, Exchange>;
};
