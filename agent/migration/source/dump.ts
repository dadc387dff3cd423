import { join } from 'node:path';
import { GodwitError } from '../../../protocol/mod.ts';
import type { CriuProcess, HookChannel } from '../../criu/criu.ts';
import { openHooks, tellThawed } from '../../criu/mod.ts';
import { wordsOf } from '../../host/failure.ts';
import { earlyFreeze, freezeCgroup, freezeFile } from '../../host/freeze.ts';
import type { CgroupPaths, DumpPlan } from '../../runtime/runtime.ts';
import { relayListen } from '../../transfer/mod.ts';
import type { DataStream, Meter } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import type { JobDir } from '../job-dir.ts';

/**
 * A final dump under way. In every mode the hook freezes the cgroup from outside once the images are complete. Where pages
 * follow, criu is ended there: the frozen tasks are all that is needed.
 */
export interface Dump {
  /** When criu was about to stop the tasks (up to some 30 ms early, never late). */
  readonly stopping: Promise<number>;
  /** All images but the memory are on this node's tmpfs, the tasks stand still. Rejects: DUMP_FAILED. */
  readonly frozen: Promise<number>;
  /**
   * The tasks cannot run whatever happens to criu: before this the container must not be the target's.
   * Rejects: HOST_FAILED.
   */
  readonly fenced: Promise<void>;
  readonly cgroup: CgroupPaths;
  readonly initPid: number;
  /** Lets criu give up: the tasks are its caller's to thaw. */
  giveUp(): Promise<void>;
  /** The tasks are dead; lets criu notice and end. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface DumpRequest {
  readonly plan: DumpPlan;
  /** The container runs at the target before its memory is there. */
  readonly pagesFollow: boolean;
  /** Relative path of the last round's images. */
  readonly previous?: string;
  readonly dir: JobDir;
  /** The stream that carries the memory. Where there is none, and the memory does not follow, it lies with the other images. */
  readonly stream?: { readonly open: () => Promise<DataStream>; readonly meter: Meter };
  /** Aborting it breaks the memory stream, which ends a dump in the middle by itself. */
  readonly streams: AbortController;
  readonly deadlineMs: number;
}

/** How long criu gets to end by itself when its memory stream is cut, and when its tasks are gone. */
const END_MS = 3_000;

/** Starts the final dump of a move. @throws GodwitError TRANSFER_FAILED when no local port can be had */
export async function startDump(agent: Agent, request: DumpRequest): Promise<Dump> {
  const { plan, dir } = request;
  const hooks = await openHooks({
    dir: dir.own,
    held: ['post-dump'],
    told: ['pre-dump'],
    freeze: { ...freezeFile(plan.cgroup), ...earlyFreeze(plan.cgroup) },
    clock: agent.clock,
    runner: agent.runner,
  });
  const logFile = join(dir.own, 'dump.log');
  const options = dumpOptions(request, hooks, logFile);
  const transport = request.pagesFollow ? LAZY : await eagerTransport(request);
  return new RunningDump(agent, request, hooks, agent.criu.dump({ ...options, transport }), logFile);
}

/** criu would serve the pages itself after its post-dump hook, which it never leaves. */
const LAZY = { kind: 'lazy' } as const;

/** Cold and pre-copy: all memory that is not there yet goes to the target's page-server through one stream while the tasks stand still. */
async function eagerTransport({ stream, streams }: DumpRequest) {
  if (!stream) return { kind: 'local' } as const;
  const relay = await relayListen({ ...stream, signal: streams.signal });
  return { kind: 'page-server', address: '127.0.0.1', port: relay.port } as const;
}

function dumpOptions(request: DumpRequest, hooks: HookChannel, logFile: string) {
  const { plan, dir, previous, deadlineMs } = request;
  return {
    plan,
    hook: hooks.script,
    imageDir: dir.images,
    logFile,
    deadlineMs,
    ...(previous === undefined ? {} : { previous }),
  };
}

class RunningDump implements Dump {
  readonly stopping: Promise<number>;
  readonly frozen: Promise<number>;
  readonly fenced: Promise<void>;
  readonly cgroup: CgroupPaths;
  readonly initPid: number;
  private readonly agent: Agent;
  private readonly request: DumpRequest;
  private readonly hooks: HookChannel;
  private readonly criu: CriuProcess;
  private readonly waiting = new AbortController();

  constructor(agent: Agent, request: DumpRequest, hooks: HookChannel, criu: CriuProcess, logFile: string) {
    this.agent = agent;
    this.request = request;
    this.hooks = hooks;
    this.criu = criu;
    this.cgroup = request.plan.cgroup;
    this.initPid = request.plan.initPid;
    this.stopping = hooks.called('pre-dump', this.waiting.signal).then((call) => call.atMs);
    this.stopping.catch(() => {});
    const complete = hooks.called('post-dump', this.waiting.signal).then(async (call) => {
      await tellThawed(request.dir.images);
      return call.atMs;
    });
    complete.catch(() => {});
    const failed = criu.ended.then(async (result) => {
      const { lines, cure } = await agent.criu.explain(logFile);
      throw new GodwitError('DUMP_FAILED', {
        problem: lines[0] ?? `it ended by itself: ${wordsOf(result)}`,
        cure,
        lines,
      });
    });
    failed.catch(() => {});
    this.frozen = Promise.race([complete, failed]);
    this.frozen.catch(() => {});
    this.fenced = request.pagesFollow ? this.frozen.then(() => this.fence()) : Promise.resolve();
    this.fenced.catch(() => {});
  }

  /** Without its tracer a task is held by the freezer alone: that has to be seen. */
  private async fence(): Promise<void> {
    this.criu.kill('SIGKILL');
    await this.criu.ended;
    await freezeCgroup(this.cgroup, this.agent.clock);
  }

  async giveUp(): Promise<void> {
    const { hooks, request, agent } = this;
    if (!request.pagesFollow) await hooks.answer('post-dump', 'stop');
    request.streams.abort(new GodwitError('MOVE_ABORTED', { problem: 'the source gives up' }));
    if (request.pagesFollow) {
      // In the middle of its work it would leave half-dumped tasks behind; after it, it is ended anyway.
      await Promise.race([this.frozen.catch(() => {}), this.criu.ended, agent.clock.sleep(END_MS)]);
      this.criu.kill('SIGTERM');
    }
    await this.awaitEnd();
    await this.fenced.catch(() => {});
  }

  async finish(): Promise<void> {
    if (!this.request.pagesFollow) await this.hooks.answer('post-dump', 'go');
    await this.awaitEnd();
  }

  async close(): Promise<void> {
    this.waiting.abort(new Error('the dump is over'));
    await this.hooks.close();
  }

  private async awaitEnd(): Promise<void> {
    const cancel = this.agent.clock.after(END_MS, () => this.criu.kill('SIGKILL'));
    await this.criu.ended;
    cancel();
  }
}
