import type {
  Capabilities,
  DomainSpec,
  LowerOutline,
  Mode,
  PrepareRequest,
  RootfsIdentity,
} from '../../protocol/mod.ts';
import type { Room, TreeLook } from '../rootfs/mod.ts';
import type { Lack } from '../runtime/runtime.ts';
import type { ContainerLook } from './look/look.ts';

/** Moves this node is part of right now, and how many it takes; counted apart for each direction. */
export interface JobLoad {
  readonly running: number;
  readonly limit: number;
  /** The job the container in question is already part of. */
  readonly ofContainer?: string;
}

/** Facts about the source of a move, read before anything is touched. */
export interface SourceFacts {
  readonly node: string;
  readonly mode: Mode;
  readonly capabilities: Capabilities;
  /** Not of moves: they wait until others have left. */
  readonly jobs?: JobLoad | undefined;
  /** What the runtime says; the look is only there for a running container. */
  readonly state: string;
  readonly look?: ContainerLook;
  /** Services that the container's init would not hear any more, and kills then; by name. */
  readonly unheard: readonly string[];
  readonly pipe: PipeFacts;
  /** Present when a target is known. */
  readonly dataPort?: { readonly address: string; readonly problem?: string };
  /**
   * By how much the target's clock was ahead of ours at least, by an answer of its: negative when that was older than
   * its way here. Present when a target is known.
   */
  readonly targetAheadMs?: number;
  /** For PrepareRequest. */
  readonly cpuFlags: readonly string[];
  readonly rootfs?: RootfsIdentity;
  /** Of each directory that is to be copied, the root file system first. */
  readonly copied: readonly CopiedFacts[];
  /** Targets of volumes with policy `refuse`. */
  readonly staying: readonly string[];
  /** For PrepareRequest: of volumes with policy `shared`. */
  readonly sharedInodes: Readonly<Record<string, string>>;
  /** For PrepareRequest: of what the root file system is laid over. */
  readonly lower: Readonly<Record<string, LowerOutline>>;
  /** For PrepareRequest. */
  readonly limitFiles: readonly string[];
}

/** A directory with policy `copy`, where it is now. */
export interface CopiedFacts {
  readonly root: string;
  readonly directory: boolean;
  /** Other containers of this node that use it, or something in it. */
  readonly users: readonly string[];
  /** What it takes on its disk, as far as that could be found out in time. */
  readonly bytes?: number;
  /** Where something is mounted at its root or below. */
  readonly mounts: readonly string[];
  /** Something lies where the copy that stays behind would be kept, and godwit has not put it there. */
  readonly keptTaken: boolean;
}

/** How large a pipe the agent's children can get. */
export interface PipeFacts {
  readonly maxBytes: number;
  /** True: the limit does not matter (CAP_SYS_RESOURCE) or the agent can raise it. */
  readonly raisable: boolean;
}

/** What counts of the request to the target, its domain XML already parsed. */
export type TargetRequest = Pick<
  PrepareRequest,
  | 'job'
  | 'source'
  | 'sourceCapabilities'
  | 'mode'
  | 'memoryBytes'
  | 'cpuFlags'
  | 'rootfs'
  | 'copiedBytes'
  | 'sharedInodes'
  | 'lower'
  | 'limitFiles'
  | 'nowMs'
> & {
  readonly spec: DomainSpec;
  /** What the images take beside the tasks, where it is known: else as much as the memory. */
  readonly imageBytes?: number;
};

/** What is where a directory is to be copied to, and what its disk has room for; an older copy is room as well. */
export interface PlaceFacts {
  readonly root: string;
  readonly room: Room;
  readonly disk: string;
  readonly availableBytes: number;
  readonly basisBytes: number;
}

/** Who else holds which addresses: another container, an interface of the node, a neighbour on the link. */
export interface AddressClaim {
  readonly holder: string;
  /** False: seen on the link (the container itself answers there, too). True: on this node. */
  readonly local: boolean;
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
}

/** Facts about the target of a move. */
export interface TargetFacts {
  readonly node: string;
  readonly state: 'up' | 'cordoned' | 'draining';
  readonly capabilities: Capabilities;
  readonly jobs: JobLoad;
  readonly cpuFlags: readonly string[];
  /** Of the bridges the container's interfaces are put on, those that are not there. */
  readonly missingBridges: readonly string[];
  /** What else the runtime says the node would need to have. */
  readonly lacks: readonly Lack[];
  /** Of the host's paths that the container names, those that are not there. */
  readonly missingSources: readonly string[];
  /** Undefined: the root directory is not there (or cannot be read). */
  readonly rootfs?: RootfsIdentity;
  /** Where directories are to be copied to, in the source's order. */
  readonly places: readonly PlaceFacts[];
  /** Inode numbers, and sizes of file systems, of volumes with policy `shared`, by their path. */
  readonly sharedInodes: Readonly<Record<string, string>>;
  /** What of the source's outlines could be looked at here in time, by path. */
  readonly lower: ReadonlyMap<string, TreeLook>;
  readonly memoryAvailableBytes: number;
  readonly runDir: { readonly path: string; readonly tmpfs: boolean; readonly availableBytes: number };
  /** A container of the same name that the runtime knows here. */
  readonly sameName?: { readonly state: string; readonly foreign: boolean };
  readonly claims: readonly AddressClaim[];
  readonly nowMs: number;
}
