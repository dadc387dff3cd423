import { pagesFollowIn } from '../../../protocol/mod.ts';
import { openHooks } from '../../criu/mod.ts';
import { freezeFile, killCgroup } from '../../host/freeze.ts';
import { awaitProcesses, killProcesses, processesOf, signalProcesses } from '../../host/named-processes.ts';
import { putCpuLimitBack } from '../../host/throttle.ts';
import { unmountTmpfs } from '../../host/tmpfs.ts';
import { createMeter } from '../../transfer/mod.ts';
import type { Agent } from '../agent.ts';
import { tmpfsOf } from '../job-dir.ts';
import { type Held, letGo } from './held.ts';
import type { SourceNotes } from './notes.ts';
import type { MovingCopy } from './words.ts';

/** How long a criu whose streams are gone may take to notice and to let its tasks go: killed, it leaves them in pieces. */
const END_MS = 10_000;

/** The source's copy of a container whose move an earlier agent began: known from its notes alone. */
export class RecoveredCopy implements MovingCopy {
  readonly meters;
  private readonly agent: Agent;
  private readonly notes: SourceNotes;
  private readonly dir: string;

  constructor(agent: Agent, notes: SourceNotes, dir: string) {
    const { clock } = agent;
    this.agent = agent;
    this.notes = notes;
    this.dir = dir;
    this.meters = { memory: createMeter({ clock }), images: createMeter({ clock }) };
  }

  async undo(): Promise<void> {
    const { agent, notes } = this;
    const { held, locks = [], cpuLimit } = notes;
    if (held) {
      await this.endCriu(held);
      await letGo(agent, notes.plan.job, held, locks);
    }
    if (cpuLimit) await putCpuLimitBack(cpuLimit);
    await this.cleanUp();
  }

  async kill(): Promise<void> {
    const { agent, notes } = this;
    const { name } = notes.plan.owned.record;
    if (notes.held) await killCgroup(notes.held.cgroup, agent.clock);
    await killProcesses(this.dir);
    await agent.runtime.sweep(name);
    await agent.runtime.undefine(name);
    await this.cleanUp();
  }

  /** A criu that waits in a hook is told to stop; one whose streams went with the agent stops by itself. */
  private async endCriu(held: Held): Promise<void> {
    const { agent, dir, notes } = this;
    if ((await processesOf(dir)).length === 0) return;
    const lazy = pagesFollowIn(notes.way.mode);
    const hooks = await openHooks({
      dir,
      held: lazy ? [] : ['post-dump'],
      told: ['pre-dump', ...(lazy ? ['post-dump'] : [])],
      freeze: freezeFile(held.cgroup),
      clock: agent.clock,
      runner: agent.runner,
    });
    if (!lazy) await hooks.answer('post-dump', 'stop');
    // One that serves pages waits for nobody; it holds nothing back when it is told to end.
    else if (notes.moments.frozenAtMs !== undefined) await signalProcesses(dir, 'SIGTERM');
    if (!(await awaitProcesses(dir, agent.clock, END_MS))) await killProcesses(dir);
    await hooks.close();
  }

  private cleanUp(): Promise<void> {
    return unmountTmpfs(this.agent.runner, tmpfsOf(this.dir));
  }
}
