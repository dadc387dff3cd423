import { announceAddresses } from '../../host/announce.ts';
import { answeringArp, setArp } from '../../host/arp.ts';
import { cgroupPids } from '../../host/cgroup-tree.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { Agent } from '../agent.ts';
import type { Journal } from '../journal.ts';
import type { Held } from './held.ts';
import type { SourceNotes } from './notes.ts';

/**
 * What the network learns from the source's copy, which may stand there frozen long after the container runs at the target: with the
 * same addresses, and with a kernel that goes on to answer for them. A switch that hears such an answer sends clients to the frozen copy.
 */
export class Presence {
  private readonly agent: Agent;
  private readonly journal: Journal<SourceNotes>;
  private last: Promise<void> = Promise.resolve();

  constructor(agent: Agent, journal: Journal<SourceNotes>) {
    this.agent = agent;
    this.journal = journal;
  }

  /** The container runs at the target: nothing here answers for it any more. Never rejects: without it the move is as right, only clients may wait. */
  end(): Promise<void> {
    this.last = this.last.then(() => this.silence()).catch((error: unknown) => this.warn(error));
    return this.last;
  }

  /**
   * Lets the copy here go on by `undo`, heard as before. A copy that was built at the target may have been heard, too: the network is told
   * where the container is. @throws GodwitError HOST_FAILED, and what `undo` throws
   */
  async restore(undo: () => Promise<void>): Promise<void> {
    await this.last;
    const { held, plan, moments, silent } = this.journal.notes;
    if (held && silent && (await isThere(held))) await setArp(this.agent.runner, held.initPid, silent, 'on');
    await undo();
    if (held && moments.frozenAtMs !== undefined && (await isThere(held)))
      announceAddresses(held.initPid, plan.owned.spec.interfaces, this.agent).catch((error: unknown) =>
        this.warn(error),
      );
  }

  private async silence(): Promise<void> {
    const { held, plan, silent } = this.journal.notes;
    if (!held || silent || !(await isThere(held))) return;
    const { runner } = this.agent;
    const names = plan.owned.spec.interfaces.map(({ guestName }) => guestName);
    const answering = await answeringArp(runner, held.initPid, names);
    this.journal.note({ silent: answering });
    await setArp(runner, held.initPid, answering, 'off');
  }

  private warn(error: unknown): void {
    this.agent.log.warn(
      { job: this.journal.notes.plan.job, err: error },
      'the network could not be told where the container is',
    );
  }
}

async function isThere({ initPid, cgroup }: Held): Promise<boolean> {
  return (await cgroupPids(freezerDir(cgroup))).includes(initPid);
}
