import type { HookChannel } from '../../criu/criu.ts';
import { openHooks } from '../../criu/mod.ts';
import { Reverter } from '../../effects/reverter.ts';
import { announceAddresses } from '../../host/announce.ts';
import { killProcesses } from '../../host/named-processes.ts';
import { unmountTmpfs } from '../../host/tmpfs.ts';
import { givePlaceBack } from '../../rootfs/mod.ts';
import type { Restored } from '../../runtime/runtime.ts';
import type { Agent } from '../agent.ts';
import { tmpfsOf } from '../job-dir.ts';
import { freezeTasks, killRunning, killTasks } from './lost-tasks.ts';
import { attachMemory, type Memory } from './memory.ts';
import { arrivalIn, isFilledLater, type TargetNotes } from './notes.ts';
import type { Arrival, ArrivingCopy } from './words.ts';

/** How long a restore that was told to stop may take, before it is killed. */
const STOP_MS = 3_000;

/**
 * The target's copy of a container whose move an earlier agent began: known from its notes, from its processes, and from
 * the hook that is held, or was let go already.
 */
export class RecoveredArrival implements ArrivingCopy {
  private readonly agent: Agent;
  private readonly notes: TargetNotes;
  private readonly arrival: Arrival;
  private readonly dir: string;
  private readonly waiting = new AbortController();
  private readonly scratch = new Reverter();
  private memory: Promise<Memory> | undefined;
  private restored: Promise<Restored> | undefined;
  private resumed: boolean;

  constructor(agent: Agent, notes: TargetNotes, dir: string) {
    this.agent = agent;
    this.notes = notes;
    this.arrival = arrivalIn(notes);
    this.dir = dir;
    this.resumed = notes.resumedAtMs !== undefined;
  }

  async resume(): Promise<number> {
    const { agent, arrival, waiting } = this;
    this.resumed = true;
    const hooks = await this.openHooks();
    const running = hooks.called('post-resume', waiting.signal).then((call) => call.atMs);
    running.catch(() => {});
    await hooks.answer('post-restore', 'go');
    const restored = this.takeOver();
    restored
      .then(({ initPid }) => announceAddresses(initPid, arrival.spec.interfaces, agent))
      .catch((error: unknown) => {
        agent.log.warn({ job: arrival.move.job, err: error }, 'the new place could not be announced');
      });
    const resumedAtMs = await Promise.race([running, restored.then(() => agent.clock.nowMs())]);
    return this.notes.resumedAtMs ?? resumedAtMs;
  }

  async taken(): Promise<void> {
    await this.takeOver();
  }

  async received(): Promise<void> {
    await (await this.pages())?.received;
  }

  async filled(): Promise<void> {
    await (await this.pages())?.filled;
  }

  async brokenWithin(): Promise<unknown> {
    return undefined;
  }

  async undo(): Promise<void> {
    const { agent, arrival, dir } = this;
    const { name } = arrival.spec;
    // Before its daemons: a task that ran would find missing pages empty.
    if (this.resumed) await killRunning(agent, name);
    else await this.stopRestore();
    await killProcesses(dir);
    await agent.runtime.sweep(name);
    await agent.runtime.undefine(name);
    for (const place of (this.notes.places ?? []).toReversed()) {
      const mark = { uuid: arrival.spec.uuid, root: place.root };
      await givePlaceBack(agent.runner, agent.config.stateDir, mark, place);
    }
    await this.settle();
  }

  async settle(): Promise<void> {
    const { agent, arrival, dir } = this;
    this.waiting.abort(new Error('the move is over'));
    await killProcesses(dir);
    await unmountTmpfs(agent.runner, tmpfsOf(dir));
    for (const { what, error } of await this.scratch.revert())
      agent.log.warn({ job: arrival.move.job, what, err: error }, 'could not be undone');
  }

  async freezeForGood(): Promise<void> {
    await freezeTasks(this.agent, this.arrival.spec.name);
  }

  async clear(): Promise<void> {
    await killTasks(this.agent, this.arrival.spec.name);
    await this.settle();
  }

  /** One that is held ends by itself when it is told to stop, and takes along what it has built. */
  private async stopRestore(): Promise<void> {
    const hooks = await this.openHooks();
    await hooks.answer('post-restore', 'stop');
    await this.agent.runtime.restored(this.arrival.spec, AbortSignal.timeout(STOP_MS)).catch(() => {});
  }

  private async openHooks(): Promise<HookChannel> {
    const { clock, runner } = this.agent;
    const hooks = await openHooks({
      dir: this.dir,
      held: ['post-restore'],
      told: ['post-resume'],
      clock,
      runner,
    });
    this.scratch.add('the hooks of the restore', () => hooks.close());
    return hooks;
  }

  private pages(): Promise<Memory> | undefined {
    if (!isFilledLater(this.notes)) return undefined;
    this.memory ??= attachMemory(this.agent, this.dir, this.arrival.move);
    this.memory.catch(() => {});
    return this.memory;
  }

  private takeOver(): Promise<Restored> {
    this.restored ??= this.agent.runtime.restored(this.arrival.spec, this.waiting.signal);
    this.restored.catch(() => {});
    return this.restored;
  }
}
