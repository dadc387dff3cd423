import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import type { HookChannel } from '../../criu/criu.ts';
import { type Gate, gateFifo, makeGate, openHooks } from '../../criu/mod.ts';
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

/**
 * A restore under way. It is started before the source freezes and waits at a gate for its images; then the tasks are
 * built and held in the post-restore hook until somebody decides.
 */
export class Restore {
  /** The runtime has taken the container over; only after `resume`. Rejects: RESTORE_FAILED. */
  readonly done: Promise<Restored>;
  private readonly agent: Agent;
  private readonly gate: Gate;
  private readonly hooks: HookChannel;
  private readonly signal: AbortSignal;
  private readonly waiting = new AbortController();
  private readonly stop = new AbortController();
  private initPid = 0;
  private unlocked = false;
  private over = false;

  /** Starts the restore; resolves when it waits for the images. Nothing of it is left when it rejects. @throws GodwitError HOST_FAILED, RESTORE_FAILED */
  static async begin(agent: Agent, request: RestoreRequest): Promise<Restore> {
    const { clock, runner } = agent;
    const { dir } = request;
    const held = ['post-restore'];
    const told = ['network-unlock', 'post-resume'];
    const images = dir.beside('restore');
    await mkdir(images, { recursive: true, mode: 0o700 });
    const beside = [relative(dir.own, gateFifo(images))];
    const hooks = await openHooks({ dir: dir.own, held, told, beside, clock, runner });
    const gate = await makeGate({ runner, clock, dir: images }).catch(async (error: unknown) => {
      await hooks.close();
      throw error;
    });
    const restore = new Restore(agent, request, hooks, gate);
    try {
      await Promise.race([gate.reached(restore.signal), restore.done]);
      return restore;
    } catch (error) {
      // What it was doing to the container must be over before anybody else may do something to it.
      await restore.giveUp();
      await restore.close();
      throw error;
    }
  }

  private constructor(agent: Agent, request: RestoreRequest, hooks: HookChannel, gate: Gate) {
    const { spec, dir, lazy, signal, deadlineMs } = request;
    this.agent = agent;
    this.gate = gate;
    this.hooks = hooks;
    this.signal = AbortSignal.any([signal, this.stop.signal]);
    this.done = agent.runtime.restore({
      spec,
      imageDir: gate.dir,
      logFile: join(dir.own, 'restore.log'),
      criuConfig: [`action-script ${hooks.script}`, `work-dir ${dir.own}`, ...(lazy ? ['lazy-pages'] : [])],
      deadlineMs,
      signal: this.signal,
    });
    this.done.catch(() => {
      this.over = true;
    });
    hooks.called('network-unlock', this.waiting.signal).then(
      () => {
        this.unlocked = true;
      },
      () => {},
    );
  }

  /**
   * True once it has ended without having unlocked the network, which criu does, and tells first, before it lets any task out of
   * its own code. What it has built can never run then: nobody is left who would let it go.
   */
  get neverRan(): boolean {
    return this.over && !this.unlocked;
  }

  /** The images are complete in `from`; resolves with the pid of init when the tasks are built and held. @throws GodwitError RESTORE_FAILED */
  async build(from: string): Promise<number> {
    const held = this.hooks.called('post-restore', this.waiting.signal).then((call) => {
      this.initPid = call.initPid;
    });
    held.catch(() => {});
    await Promise.race([this.gate.open(from, this.signal), this.done]);
    await Promise.race([held, this.done]);
    return this.initPid;
  }

  /** Lets the held tasks run; `resumedAtMs`: when they did, Unix milliseconds. @throws GodwitError RESTORE_FAILED */
  async resume(): Promise<{ readonly initPid: number; readonly resumedAtMs: number }> {
    const running = this.hooks.called('post-resume', this.waiting.signal).then((call) => call.atMs);
    running.catch(() => {});
    await this.hooks.answer('post-restore', 'go');
    const resumedAtMs = await Promise.race([running, this.done.then(() => this.agent.clock.nowMs())]);
    return { initPid: this.initPid, resumedAtMs };
  }

  /** Resolves when it has ended, in whatever way, or after so long. */
  async overWithin(ms: number): Promise<void> {
    await Promise.race([this.done.catch(() => {}), this.agent.clock.sleep(ms)]);
  }

  /** Kills what was built. Resolves when nothing of the restore is left. */
  async giveUp(): Promise<void> {
    await this.hooks.answer('post-restore', 'stop');
    this.stop.abort(new GodwitError('MOVE_ABORTED', { problem: 'the restore was given up' }));
    await this.done.catch(() => {});
  }

  async close(): Promise<void> {
    this.waiting.abort(new Error('the restore is over'));
    await this.gate.close();
    await this.hooks.close();
  }
}
