import type { Duplex } from 'node:stream';
import type { DomainSpec } from '../../protocol/mod.ts';
import type { ContainerLink } from '../host/frames.ts';

export type RuntimeState = 'running' | 'stopped' | 'frozen' | 'unknown';

/** What the runtime knows of one container right now. */
export interface ContainerStatus {
  readonly name: string;
  readonly state: RuntimeState;
  /** Pid of the container's init in the node's pid namespace. */
  readonly pid?: number;
}

export interface ContainerStats {
  /** Memory charged to its cgroup without page cache (anonymous + shared). */
  readonly memoryBytes: number;
  readonly processes: number;
  readonly cpuMs: number;
}

/** What criu must be told to dump this container (without transport and mode options). */
export interface DumpPlan {
  readonly initPid: number;
  /** Options derived from the container: mounts, tty, cgroup roots, freeze cgroup. */
  readonly args: readonly string[];
  /** Paths of the container's cgroup, to freeze, thaw and kill it from outside. */
  readonly cgroup: CgroupPaths;
  /** Files of limits in the container's groups that a restore writes; where one is not there, it fails. */
  readonly limitFiles: readonly string[];
}

/** Absolute directories of one container's cgroup. v1 has one a controller; v2 uses `unified` for everything. */
export interface CgroupPaths {
  readonly version: 'v1' | 'v2';
  /** By controller name in v1 (`freezer`, `memory`, …); only `unified` in v2. */
  readonly dirs: Readonly<Record<string, string>>;
}

export interface RestorePlan {
  readonly spec: DomainSpec;
  /** In a directory that is this restore's alone: with mapped users all of it becomes readable. */
  readonly imageDir: string;
  readonly logFile: string;
  /** CRIU configuration file lines (`lazy-pages`, `action-script FILE`, …), passed by CRIU_CONFIG_FILE. */
  readonly criuConfig: readonly string[];
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export interface StopWish {
  /** For so long its init may end by itself. */
  readonly timeoutMs: number;
  readonly kill: boolean;
  /** Called once no task of it is left, while the rest is cleared away. */
  readonly dead?: () => Promise<unknown>;
}

/** Something that a container needs and a node does not have. */
export interface Lack {
  readonly kind: 'network' | 'topology' | 'limit' | 'label';
  readonly what: string;
}

/** What restore returns when the restored tasks run and the runtime owns them. */
export interface Restored {
  readonly initPid: number;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface TerminalWish extends TerminalSize {
  /** TERM: what the user's terminal understands. */
  readonly term: string;
}

/** A command that runs in a container. */
export interface Attached {
  /** Its input, and its output: of a terminal, or its standard output. */
  readonly channel: Duplex;
  /** The command itself has ended; what it left behind may hold the channel still. */
  readonly exited: Promise<void>;
  /** Never rejects; after the channel is closed. 128 and the signal's number when one ended it. */
  readonly ended: Promise<{ readonly exitCode: number; readonly stderr: string }>;
  resize(size: TerminalSize): Promise<void>;
  /** To the command itself, and to its children what ends them. False: it has not begun, or has ended. */
  signal(signal: NodeJS.Signals): Promise<boolean>;
  kill(): Promise<void>;
}

/**
 * Driver of one container technology (libvirt's domain-dependent layer): lxc now, oci later. Every method throws
 * GodwitError RUNTIME_FAILED with the tool's own words when the tool fails.
 */
export interface Runtime {
  readonly kind: 'lxc';
  version(): Promise<string>;
  /** Writes the runtime's own configuration; idempotent. Needed on the target before a restore, too. */
  define(spec: DomainSpec): Promise<void>;
  /**
   * Describes a container that the runtime has and godwit did not make, running or not; changes nothing. `notes` are for
   * people: what of it is not taken over.
   */
  describeForeign(name: string): Promise<{ readonly spec: DomainSpec; readonly notes: readonly string[] }>;
  /** Makes such a container godwit's without stopping it. Resolves with the undo. */
  takeOver(spec: DomainSpec): Promise<() => Promise<void>>;
  /**
   * What this node would need to have to run the container as described; empty when it has all of it. `limitFiles`: see
   * {@link DumpPlan}.
   */
  lacks(spec: DomainSpec, limitFiles?: readonly string[]): Promise<readonly Lack[]>;
  /** The bridges of this node that the container's interfaces are put on. */
  bridges(spec: DomainSpec): readonly string[];
  /** The container's interfaces, in the order of the spec; the host's end of one is there while the container is. */
  links(spec: DomainSpec): readonly ContainerLink[];
  undefine(name: string): Promise<void>;
  /** Names of the containers that godwit has defined here, running or not; others' are none of its business. */
  defined(): Promise<string[]>;
  /** What is defined here, running or not. */
  list(): Promise<ContainerStatus[]>;
  status(name: string): Promise<ContainerStatus>;
  start(spec: DomainSpec): Promise<ContainerStatus>;
  /** Resolves when nothing of it is left. */
  stop(name: string, how: StopWish): Promise<void>;
  /** Freezes every task of a running container. */
  suspend(name: string): Promise<void>;
  /** Lets the tasks of a frozen container run again. */
  resume(name: string): Promise<void>;
  stats(name: string): Promise<ContainerStats>;
  exec(
    name: string,
    argv: readonly string[],
    options: {
      readonly timeoutMs: number;
      /** Told how to send the command signals, once there is something to send them to. */
      readonly started?: (signal: Attached['signal']) => void;
    },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Runs a command for somebody who talks to it; with pipes unless a terminal is wished. */
  attach(name: string, argv: readonly string[], terminal: TerminalWish | undefined): Promise<Attached>;
  dumpPlan(spec: DomainSpec): Promise<DumpPlan>;
  /** Restores from images. Resolves when the runtime reports success; the tasks ran from the post-restore hook's release on. */
  restore(plan: RestorePlan): Promise<Restored>;
  /**
   * The same for a restore that an agent began which has died since. @throws GodwitError RESTORE_FAILED when it ended
   * without a container; nothing is left of it then
   */
  restored(spec: DomainSpec, signal: AbortSignal): Promise<Restored>;
  /** The root of a container that is being restored has been filled only now, and nothing has looked into it yet. */
  rootFilled(spec: DomainSpec): Promise<void>;
  /** cgroup of a running container. */
  cgroup(name: string): Promise<CgroupPaths>;
  /** The same from the pid of its init, also while a restore is held. */
  cgroupOf(initPid: number): Promise<CgroupPaths>;
  /** Applies the limits of the spec to the running container's cgroup (LXC <= 7.0.0 forgets them on restore). */
  applyLimits(spec: DomainSpec): Promise<void>;
  /** The limits as the kernel has them, read back from the cgroup. */
  readLimits(name: string): Promise<Record<string, string | number>>;
  /**
   * Takes a container off the network for good: another copy of it goes on, and what dies here must not end its connections.
   */
  disconnect(name: string): Promise<void>;
  /** Removes what a container that is gone left behind on this node: cgroups, veths, the monitor. Safe to repeat. */
  sweep(name: string): Promise<void>;
  /**
   * Removes what a restore or a start that was killed half-way left under names that nobody has defined here: cgroups without a
   * task, for names of which `isOurs` says that they are the cluster's; pairs of veths that never came to a container.
   * Resolves with what it was.
   */
  sweepStrays(isOurs: (name: string) => Promise<boolean>): Promise<string[]>;
}
