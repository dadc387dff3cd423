import type { Capabilities, Round } from '../../protocol/mod.ts';
import type { RunResult } from '../effects/runner.ts';
import type { DumpPlan } from '../runtime/runtime.ts';

/** Where criu reads and writes: images, its work files and its log. */
export interface CriuPaths {
  readonly imageDir: string;
  readonly logFile: string;
}

/** How the final dump gets its memory to the target. */
export type DumpTransport =
  | { readonly kind: 'page-server'; readonly address: string; readonly port: number }
  /** Served by criu itself on this port; without one, by whoever ends criu in its post-dump hook. */
  | { readonly kind: 'lazy'; readonly address?: string; readonly port?: number }
  | { readonly kind: 'local' };

export interface DumpOptions extends CriuPaths {
  readonly plan: Pick<DumpPlan, 'initPid' | 'args'>;
  readonly transport: DumpTransport;
  /** Path of the hook script (see hooks.ts); none means that criu asks nobody. */
  readonly hook?: string;
  /** Relative path of the parent images and dirty tracking, for pre-copy. */
  readonly previous?: string;
  /** Start dirty tracking also without parent images: what follows may build on these. */
  readonly track?: boolean;
  readonly deadlineMs: number;
  readonly leaveRunning?: boolean;
}

/** A round of pre-copy: the tasks are stopped only while their dirty pages are being collected. */
export interface PreDumpOptions extends CriuPaths {
  readonly plan: Pick<DumpPlan, 'initPid' | 'args'>;
  /** Of the page-server of this round. */
  readonly address: string;
  readonly port: number;
  /** Relative path of the round before. */
  readonly previous?: string;
  readonly deadlineMs: number;
}

export interface PageServerOptions extends CriuPaths {
  readonly port: number;
  /** Relative path of the round before; what arrives is taken out of its images, so that a page is kept once. */
  readonly previous?: string;
  readonly deadlineMs: number;
}

/** A criu process that was started and goes on. */
export interface CriuProcess {
  readonly pid: number;
  /**
   * Resolves when criu says (status fd) that it listens; a dump that never listens (page-server, local) is ready when it
   * ended well. Rejects (DUMP_FAILED, RESTORE_FAILED, CHILD_TIMEOUT) when criu ends before.
   */
  readonly ready: Promise<void>;
  readonly ended: Promise<RunResult>;
  kill(signal: NodeJS.Signals): void;
}

/** First error lines of a criu log, with the most likely cause. */
export interface CriuLogSummary {
  readonly lines: readonly string[];
  /** What to do, for the cases godwit knows; empty otherwise. */
  readonly cure: string;
}

/** criu on this node. Every call has a deadline; nothing here decides about a container. */
export interface Criu {
  capabilities(): Promise<Pick<Capabilities, 'criu' | 'features'>>;
  /** Whether it can dump processes of other users, found out once by dumping one in a directory below `runDir`. */
  dumpsOtherUsers(runDir: string): Promise<boolean>;
  dump(options: DumpOptions): CriuProcess;
  /** Never to be tried on a kernel without dirty tracking: see `capabilities`. */
  preDump(options: PreDumpOptions): CriuProcess;
  pageServer(options: PageServerOptions): CriuProcess;
  /** `workDir`: where its socket appears, for a restore that works there; the image directory when not given. */
  lazyPages(
    options: CriuPaths & { address: string; port: number; workDir?: string; deadlineMs: number },
  ): CriuProcess;
  /** stats-dump of a finished (pre-)dump. */
  dumpStats(imageDir: string): Promise<Omit<Round, 'index' | 'durationMs'>>;
  explain(logFile: string): Promise<CriuLogSummary>;
}

/** The first call of a hook for one action. */
export interface HookCall {
  readonly action: string;
  /** CRTOOLS_INIT_PID: the container's init in the node's pid namespace. */
  readonly initPid: number;
  readonly atMs: number;
}

/**
 * The agent's end of the hook scripts of one criu run. `held` actions block criu until answered; `told` ones are
 * reported and go on at once. A hook never decides: without an answer it waits and the container stays frozen.
 */
export interface HookChannel {
  readonly script: string;
  /**
   * Resolves at the first call of this action; rejects when the signal aborts, when the channel is closed, and with
   * HOST_FAILED when the hook could not freeze the container (it then returns 1 by itself).
   */
  called(action: string, signal: AbortSignal): Promise<HookCall>;
  /** Lets a held hook return 0 (`go`) or 1 (`stop`); may come before the call. */
  answer(action: string, verdict: 'go' | 'stop'): Promise<void>;
  /**
   * Takes everything away, once criu has ended (a missing script is a failure for criu). A hook that is still held under a
   * living criu goes on waiting, for an agent that opens the directory again.
   */
  close(): Promise<void>;
}

/** A freeze before criu's own. */
export interface EarlyFreeze {
  /** What takes it back, in the same file. */
  readonly thawed: string;
  /** The directory that freezes, with all groups below it. */
  readonly group: string;
  /** The file that has the ids of a group's tasks, in each of them. */
  readonly tasks: 'tasks' | 'cgroup.threads';
  /** Where a line `frozen` tells when it is done; without it the file that freezes does. */
  readonly events?: string;
}

export interface HookOptions {
  /** A directory of this job on tmpfs, such as /run/godwit/jobs/JOB/source. */
  readonly dir: string;
  readonly held: readonly string[];
  readonly told: readonly string[];
  /** Written by the hook at post-dump, before it tells the agent: freezes the container's cgroup from outside. */
  readonly freeze?: {
    readonly file: string;
    readonly value: string;
    /** Also at pre-dump, once the agent was told, so that criu need not wait. */
    readonly early?: EarlyFreeze;
  };
  /** Nobody else has a copy: a hook whose agent is gone fails, and criu lets the tasks run on, rather than wait for the next agent. */
  readonly endsWithAgent?: true;
}
