import { join } from 'node:path';
import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import type { HookChannel } from '../../criu/criu.ts';
import { openHooks } from '../../criu/mod.ts';
import type { Restored } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';
import type { JobDir } from '../job-dir.ts';

export interface RestoreRequest {
  readonly spec: DomainSpec;
  readonly dir: JobDir;
  readonly lazy: boolean;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** A restore under way: the tasks are built, then held in the post-restore hook until somebody decides. */
export class Restore {
  /** The tasks are built and held. Rejects: RESTORE_FAILED. */
  readonly built: Promise<void>;
  /** The runtime has taken the container over; only after `resume`. Rejects: RESTORE_FAILED. */
  readonly done: Promise<Restored>;
  private readonly agent: Agent;
  private readonly hooks: HookChannel;
  private readonly waiting: AbortController;
  private readonly stop = new AbortController();
  private initPid = 0;

  /** Starts the restore. @throws GodwitError HOST_FAILED */
  static async begin(agent: Agent, request: RestoreRequest): Promise<Restore> {
    const options = {
      dir: request.dir.own,
      held: ['post-restore'],
      told: ['post-resume'],
      clock: agent.clock,
      runner: agent.runner,
    };
    const hooks = await openHooks(options);
    return new Restore(agent, request, hooks);
  }

  private constructor(agent: Agent, request: RestoreRequest, hooks: HookChannel) {
    const { spec, dir, lazy, signal, deadlineMs } = request;
    this.agent = agent;
    this.hooks = hooks;
    this.waiting = new AbortController();
    const criuConfig = [`action-script ${hooks.script}`, ...(lazy ? ['lazy-pages'] : [])];
    this.done = agent.runtime.restore({
      spec,
      imageDir: dir.images,
      logFile: join(dir.own, 'restore.log'),
      criuConfig,
      deadlineMs,
      signal: AbortSignal.any([signal, this.stop.signal]),
    });
    this.done.catch(() => {});
    const held = hooks.called('post-restore', this.waiting.signal).then((call) => {
      this.initPid = call.initPid;
    });
    held.catch(() => {});
    this.built = Promise.race([held, this.done.then(() => undefined)]);
    this.built.catch(() => {});
  }

  /** Lets the held tasks run; `resumedAtMs`: when they did, Unix milliseconds. @throws GodwitError RESTORE_FAILED */
  async resume(): Promise<{ readonly initPid: number; readonly resumedAtMs: number }> {
    const running = this.hooks.called('post-resume', this.waiting.signal).then((call) => call.atMs);
    running.catch(() => {});
    await this.hooks.answer('post-restore', 'go');
    const resumedAtMs = await Promise.race([running, this.done.then(() => this.agent.clock.nowMs())]);
    return { initPid: this.initPid, resumedAtMs };
  }

  /** Kills what was built. Resolves when nothing of the restore is left. */
  async giveUp(): Promise<void> {
    await this.hooks.answer('post-restore', 'stop');
    this.stop.abort(new GodwitError('MOVE_ABORTED', { problem: 'the restore was given up' }));
    await this.done.catch(() => {});
  }

  async close(): Promise<void> {
    this.waiting.abort(new Error('the restore is over'));
    await this.hooks.close();
  }
}
