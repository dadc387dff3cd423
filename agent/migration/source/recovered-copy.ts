import { pagesFollowIn } from '../../../protocol/mod.ts';
import { openHooks } from '../../criu/mod.ts';
import { freezeCgroup, freezeFile } from '../../host/freeze.ts';
import { awaitProcesses, killProcesses, processesOf, signalProcesses } from '../../host/named-processes.ts';
import { putCpuLimitBack } from '../../host/throttle.ts';
import { unmountTmpfs } from '../../host/tmpfs.ts';
import { createMeter } from '../../transfer/mod.ts';
import type { Agent } from '../agent.ts';
import { tmpfsOf } from '../job-dir.ts';
import { killUnheard } from '../kill-unheard.ts';
import { type Held, letGo } from './held.ts';
import type { SourceNotes } from './notes.ts';
import { type ServedPages, servePages } from './page-service.ts';
import { leaveRootfs } from './rootfs.ts';
import type { MovingCopy } from './words.ts';

/** How long a criu whose streams are gone may take to notice and to let its tasks go: killed, it leaves them in pieces. */
const END_MS = 10_000;

/** The source's copy of a container whose move an earlier agent began: known from its notes alone. */
export class RecoveredCopy implements MovingCopy {
  readonly meters;
  private readonly agent: Agent;
  private readonly notes: SourceNotes;
  private readonly dir: string;
  private readonly pages: ServedPages | undefined;

  constructor(agent: Agent, notes: SourceNotes, dir: string) {
    const { clock } = agent;
    this.agent = agent;
    this.notes = notes;
    this.dir = dir;
    const { request } = notes.plan;
    const memory = createMeter({
      clock,
      limitBytesPerSecond: request.bandwidthBytesPerSecond,
      share: { link: agent.outbound, job: notes.plan.job },
    });
    this.meters = { memory, images: createMeter({ clock }), rootfs: createMeter({ clock }) };
    const { held, plan, way } = notes;
    if (!held || !pagesFollowIn(way.mode)) return;
    const { job, pagesToken: token } = plan;
    this.pages = servePages(agent, { job, token, cgroup: held.cgroup, meter: memory });
  }

  async fenced(): Promise<void> {
    const { held } = this.notes;
    if (held) await freezeCgroup(held.cgroup, this.agent.clock);
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
    const { job, owned } = notes.plan;
    const { name } = owned.record;
    if (notes.held) await killUnheard(agent, name, notes.held.cgroup);
    await killProcesses(this.dir);
    await agent.runtime.sweep(name);
    await agent.runtime.undefine(name);
    await leaveRootfs(agent, job, owned.spec);
    await this.cleanUp();
  }

  /** A criu that waits in a hook is told to stop; one whose streams went with the agent stops by itself. */
  private async endCriu(held: Held): Promise<void> {
    const { agent, dir, notes } = this;
    if ((await processesOf(dir)).length === 0) return;
    const hooks = await openHooks({
      dir,
      held: ['post-dump'],
      told: ['pre-dump'],
      freeze: freezeFile(held.cgroup),
      clock: agent.clock,
      runner: agent.runner,
    });
    if (!pagesFollowIn(notes.way.mode)) await hooks.answer('post-dump', 'stop');
    else {
      // It would go on to serve pages itself. In the middle of its work it would leave half-dumped tasks behind.
      await hooks.called('post-dump', AbortSignal.timeout(END_MS)).catch(() => {});
      await signalProcesses(dir, 'SIGTERM');
    }
    if (!(await awaitProcesses(dir, agent.clock, END_MS))) await killProcesses(dir);
    await hooks.close();
  }

  private async cleanUp(): Promise<void> {
    await this.pages?.close();
    await unmountTmpfs(this.agent.runner, tmpfsOf(this.dir));
  }
}
