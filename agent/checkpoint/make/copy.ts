import { join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import type { CriuProcess, HookChannel } from '../../criu/criu.ts';
import { openHooks } from '../../criu/mod.ts';
import { both } from '../../effects/both.ts';
import { Reverter } from '../../effects/reverter.ts';
import { forgetTracked } from '../../host/tracked-memory.ts';
import type { Agent } from '../../migration/agent.ts';
import { type JobDir, makeJobDir } from '../../migration/job-dir.ts';
import { killUnheard } from '../../migration/kill-unheard.ts';
import { type Dump, startDump } from '../../migration/source/dump.ts';
import { type Held, letGo } from '../../migration/source/held.ts';
import type { CgroupPaths, DumpPlan } from '../../runtime/runtime.ts';
import { saveDir } from '../notes.ts';

/** When all images are written and the tasks still stand. */
const HELD = 'post-dump';
/** What images need beside the memory itself. */
const IMAGE_ROOM = { share: 1 / 8, bytes: 64 * 1024 * 1024 };

export interface SaveRequest {
  readonly job: string;
  readonly spec: DomainSpec;
  readonly leaveRunning: boolean;
  readonly deadlineMs: number;
  /** Have the kernel track what is written from now on. */
  readonly track: boolean;
  /** Puts beside the images what the dump builds on, and says where that is, as criu takes it; undefined: it is to be whole. */
  readonly previous?: (images: string) => Promise<string | undefined>;
  /** Writes down what may stand still from then on. */
  readonly note: (held: Held) => void;
  /** Done while the tasks stand still and criu has written everything. Without it a container that runs on is not held. */
  readonly still?: (cgroup: CgroupPaths) => Promise<void>;
}

/** What a dump is made of, and where. */
interface How {
  readonly plan: DumpPlan;
  readonly dir: JobDir;
  readonly previous?: string;
}

/** When things happened to the container: Unix milliseconds. */
export interface SaveMoments {
  readonly stoppedAtMs: number;
  readonly completeAtMs: number;
  /** Absent while it stands still. */
  readonly resumedAtMs?: number;
}

/** A running container that is put into images on a tmpfs, and everything that is done to it for that. */
export class SavedCopy {
  private readonly agent: Agent;
  private readonly request: SaveRequest;
  private readonly reverter = new Reverter();
  private held: Held | undefined;
  private dump: Dump | undefined;

  constructor(agent: Agent, request: SaveRequest) {
    this.agent = agent;
    this.request = request;
  }

  /**
   * Resolves when the images are complete. A container that is to run on does so already: criu itself lets it, whether or
   * not this agent lives. Any other stands still until `undo` or `kill`. An abort does not end criu in the middle, which
   * would leave its tasks in pieces. @throws GodwitError DUMP_FAILED, HOST_FAILED, RUNTIME_FAILED, CHILD_TIMEOUT
   */
  async save(): Promise<
    SaveMoments & { readonly images: string; readonly initPid: number; readonly whole: boolean }
  > {
    const { agent, request, reverter } = this;
    const { job, spec, leaveRunning } = request;
    const plan = await agent.runtime.dumpPlan(spec);
    const { initPid, cgroup } = plan;
    this.held = { initPid, cgroup };
    request.note(this.held);
    const dir = await makeJobDir(agent.runner, reverter, {
      own: saveDir(agent.config.runDir, job),
      imageBytes: Math.ceil(spec.memoryBytes * (1 + IMAGE_ROOM.share)) + IMAGE_ROOM.bytes,
    });
    // First: whatever it is that this one fails of, the next one must not run into it again.
    if (request.track || request.previous) await forgetTracked(agent.config.runDir, initPid);
    const previous = await request.previous?.(dir.images);
    const how = { plan, dir, ...(previous === undefined ? {} : { previous }) };
    const moments = leaveRunning ? await this.passBy(how) : await this.freeze(how);
    if (!leaveRunning) await request.still?.(cgroup);
    return { ...moments, images: dir.images, initPid, whole: previous === undefined };
  }

  /** The container runs on and nothing is left of this. Safe to repeat. @throws GodwitError HOST_FAILED */
  async undo(): Promise<void> {
    const { agent, request, dump, held } = this;
    if (dump) {
      await dump.frozen.catch(() => {});
      await dump.giveUp();
    }
    if (held) await letGo(agent, request.job, held, []);
    await this.settle();
  }

  /** The frozen tasks die without ever running again. @throws GodwitError HOST_FAILED */
  async kill(): Promise<void> {
    const { agent, held } = this;
    if (held) await killUnheard(agent, this.request.spec.name, held.cgroup);
  }

  /** Takes away what is left of killed tasks. Safe to repeat. @throws GodwitError HOST_FAILED, RUNTIME_FAILED */
  async sweep(): Promise<void> {
    const { agent, request } = this;
    const settled = async () => {
      await this.dump?.finish();
      this.dump = undefined;
      await this.settle();
    };
    // LXC's monitor takes its time to notice.
    await both(agent.runtime.sweep(request.spec.name), settled());
  }

  /** Takes the images and hooks away. */
  async settle(): Promise<void> {
    for (const { what, error } of await this.reverter.revert())
      this.agent.log.warn({ job: this.request.job, what, err: error }, 'could not be undone');
  }

  private async passBy({ plan, dir, previous }: How): Promise<SaveMoments> {
    const { clock, runner, criu } = this.agent;
    const { still, deadlineMs, track } = this.request;
    const waiting = new AbortController();
    const held = still ? [HELD] : [];
    const hooks = await openHooks({
      dir: dir.own,
      held,
      told: ['pre-dump'],
      endsWithAgent: true,
      clock,
      runner,
    });
    this.reverter.add('the hooks of the dump', () => hooks.close());
    const stopping = hooks.called('pre-dump', waiting.signal).then((call) => call.atMs);
    stopping.catch(() => {});
    const running = criu.dump({
      plan,
      transport: { kind: 'local' },
      hook: hooks.script,
      imageDir: dir.images,
      logFile: join(dir.own, 'dump.log'),
      deadlineMs,
      leaveRunning: true,
      track,
      ...(previous === undefined ? {} : { previous }),
    });
    running.ready.catch(() => {});
    if (still) await this.whileHeld(hooks, running, () => still(plan.cgroup), waiting.signal);
    await running.ready;
    const resumedAtMs = clock.nowMs();
    waiting.abort(new Error('the dump is over'));
    return { stoppedAtMs: await stopping, completeAtMs: resumedAtMs, resumedAtMs };
  }

  /** Whatever comes of it, criu lets the tasks run on; only that it does not call it a dump when it failed. */
  private async whileHeld(
    hooks: HookChannel,
    running: CriuProcess,
    work: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const reached = hooks.called(HELD, signal).then(() => true);
    reached.catch(() => {});
    if (!(await Promise.race([reached, running.ended.then(() => false)]))) return;
    try {
      await work();
    } catch (error) {
      await hooks.answer(HELD, 'stop');
      await running.ended;
      throw error;
    }
    await hooks.answer(HELD, 'go');
  }

  private async freeze({ plan, dir, previous }: How): Promise<SaveMoments> {
    const { deadlineMs } = this.request;
    const dump = await startDump(this.agent, {
      plan,
      pagesFollow: false,
      dir,
      streams: new AbortController(),
      deadlineMs,
      ...(previous === undefined ? {} : { previous }),
    });
    this.dump = dump;
    this.reverter.add('the hooks of the dump', () => dump.close());
    const completeAtMs = await dump.frozen;
    return { stoppedAtMs: await dump.stopping, completeAtMs };
  }
}
