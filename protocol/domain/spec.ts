import type { RequestedMode } from '../job.ts';

/** A container as its domain XML describes it, after parsing and defaults. Sizes in bytes, times in milliseconds. */
export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  readonly title?: string;
  readonly description?: string;
  /** Hard memory limit: `<hard_limit>`, or else `<currentMemory>`, or else `<memory>`. */
  readonly memoryBytes: number;
  /** What `<memory>` and `<currentMemory>` said, where that is not the limit. */
  readonly allocation?: AllocationSpec;
  readonly memtune?: MemtuneSpec;
  readonly vcpus: number;
  /** Processors it may run on, as cgroups list them: `0-2,5`. */
  readonly cpuset?: string;
  readonly cputune?: CputuneSpec;
  readonly numatune?: NumatuneSpec;
  readonly blkiotune?: BlkiotuneSpec;
  readonly arch?: string;
  readonly os: OsSpec;
  readonly capabilities?: CapabilitiesSpec;
  /** Without it the container has no user namespace. */
  readonly idmap?: IdmapSpec;
  readonly seclabel?: SeclabelSpec;
  readonly root: DirectorySpec;
  /** File systems other than the root, in document order. */
  readonly filesystems: readonly FilesystemSpec[];
  readonly interfaces: readonly InterfaceSpec[];
  readonly hostdevs?: readonly HostdevSpec[];
  readonly console: boolean;
  readonly policy: PolicySpec;
  /** `<include>` of the lxctools driver's metadata: files with more settings for LXC. */
  readonly includes?: readonly string[];
  /** Settings of LXC's own that an adopted container had and no element expresses. */
  readonly lxc?: readonly LxcSetting[];
  /** Metadata of other applications, each one element as XML. */
  readonly metadata?: readonly string[];
}

export interface AllocationSpec {
  readonly maxBytes: number;
  readonly currentBytes: number;
}

/** `swapLimitBytes` is memory and swap together. */
export interface MemtuneSpec {
  readonly softLimitBytes?: number;
  readonly swapLimitBytes?: number;
}

/** Share of the processors under contention, and CPU time a period; `none` lifts the limit that `<vcpu>` sets. */
export interface CputuneSpec {
  readonly shares?: number;
  readonly periodUs?: number;
  readonly quotaUs?: number | 'none';
}

export interface NumatuneSpec {
  readonly mode: 'strict' | 'restrictive';
  readonly nodeset: string;
}

export interface BlkiotuneSpec {
  readonly weight?: number;
  readonly devices: readonly BlkioDeviceSpec[];
}

/** Limits of one block device of the host, by its path. */
export interface BlkioDeviceSpec {
  readonly path: string;
  readonly weight?: number;
  readonly readIopsSec?: number;
  readonly writeIopsSec?: number;
  readonly readBytesSec?: number;
  readonly writeBytesSec?: number;
}

export interface OsSpec {
  readonly init: string;
  readonly initArgs: readonly string[];
  readonly initEnv: readonly { readonly name: string; readonly value: string }[];
  readonly initDir?: string;
  /** Who the init runs as: numbers, or names of the container's own passwd and group files. */
  readonly initUser?: { readonly user: string; readonly group: string };
}

/** Which capabilities the container has: all but `off` (allow), only `on` (deny), libvirt's choice changed by both. */
export interface CapabilitiesSpec {
  readonly policy: 'default' | 'allow' | 'deny';
  readonly on: readonly string[];
  readonly off: readonly string[];
}

export interface IdmapSpec {
  readonly uid: readonly IdRange[];
  readonly gid: readonly IdRange[];
}

/** `count` ids from `start` in the container are those from `target` on the host. */
export interface IdRange {
  readonly start: number;
  readonly target: number;
  readonly count: number;
}

export type SeclabelSpec =
  | { readonly model: 'none' }
  | { readonly model: 'apparmor' | 'selinux'; readonly label: string };

export type FilesystemSpec = DirectorySpec | RamSpec;

/** `source` is a directory (or file) of the host for `mount`, one inside the container for `bind`. */
export interface DirectorySpec {
  readonly type: 'mount' | 'bind';
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

/** A tmpfs of a size. */
export interface RamSpec {
  readonly type: 'ram';
  readonly bytes: number;
  readonly target: string;
  readonly readonly: boolean;
}

/** A veth pair into a bridge, which is named itself or as a network that each node knows a bridge for. */
export interface InterfaceSpec {
  readonly bridge?: string;
  readonly network?: string;
  /** Always present: a document without one gets a stable address derived from uuid and index. */
  readonly mac: string;
  readonly addresses: readonly AddressSpec[];
  readonly routes?: readonly RouteSpec[];
  readonly guestName: string;
  readonly link?: 'down';
  readonly mtu?: number;
}

export interface AddressSpec {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  readonly prefix: number;
}

/** A way through a gateway; `prefix` 0 is the default route. */
export interface RouteSpec extends AddressSpec {
  readonly gateway: string;
  readonly metric?: number;
}

/** A device node of the host that the container has, too: a block (`storage`) or a character one (`misc`). */
export interface HostdevSpec {
  readonly type: 'storage' | 'misc';
  readonly path: string;
}

export interface LxcSetting {
  readonly key: string;
  readonly value: string;
}

/** Checkpoints that nobody asks for: how often, how many are kept, and for how long. */
export interface CheckpointSchedule {
  readonly everyMs: number;
  readonly keep?: number;
  readonly maxAgeMs?: number;
  /** Directories with policy `copy` are not in them. */
  readonly directories?: false;
}

/** godwit's own settings, from `<metadata>` (namespace https://godwit.dev/xmlns/domain/1). */
export interface PolicySpec {
  readonly mode: RequestedMode;
  /** `copy`: each node has its own directory, and a move copies it. */
  readonly rootfs: 'shared' | 'copy';
  /** What becomes of the directory that a move leaves behind; without it is kept as `<rootfs>.migrated`. */
  readonly leftRootfs?: 'delete';
  /** The root is an overlay: its `source` is the upper directory, these are the lower ones, the topmost first. */
  readonly lower?: readonly string[];
  readonly volumes?: readonly VolumeSpec[];
  readonly iterations?: number | 'dynamic';
  readonly maxDowntimeMs?: number;
  readonly maxExposureMs?: number;
  readonly onNonconverge?: 'cutover' | 'abort' | 'postcopy' | 'throttle';
  readonly checkpoints?: CheckpointSchedule;
  /** Started when its node has booted. */
  readonly autostart?: true;
  /** Started again when it ended without being asked to. */
  readonly restart?: true;
  readonly placement?: PlacementSpec;
}

/**
 * What becomes of a file system of type `mount` in a move. `shared`: both nodes must see the same one; `copy`: as of a root
 * file system; `refuse`: the container does not move. Without one its source must be there, whatever it is.
 */
export interface VolumeSpec {
  readonly target: string;
  readonly policy: 'shared' | 'copy' | 'refuse';
  /** What becomes of the directory that a move leaves behind; without it is kept as `<source>.migrated`. */
  readonly left?: 'delete';
}

/** Where a container may be, and who may move it. */
export interface PlacementSpec {
  /** Containers that are one job, or replicas of each other. */
  readonly group?: string | undefined;
  /** On the node where others of its group are. */
  readonly together?: 'prefer' | 'require' | undefined;
  /** On another node than the others of its group. */
  readonly apart?: 'prefer' | 'require' | undefined;
  /** Labels that a node must have. */
  readonly require?: Readonly<Record<string, string>> | undefined;
  /** False: balancing leaves it alone. */
  readonly balance?: false;
  /** False: nothing but an operator's command moves it off a failing node. */
  readonly evacuate?: false;
}
