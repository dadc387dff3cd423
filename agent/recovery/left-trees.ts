import { parseDomain } from '../../protocol/domain/mod.ts';
import { wasCommitted } from '../checkpoint/restore/commit.ts';
import { bringTreesToEnd, isUsedSince, noteLeft } from '../checkpoint/restore/end-trees.ts';
import { notedVerdict, noteTrees, type TreeNotes, type Verdict } from '../checkpoint/restore/tree-notes.ts';
import type { Agent } from '../migration/agent.ts';
import { persistently } from '../migration/persistently.ts';
import { patiently } from './patiently.ts';
import { RECONCILE, reconcileHeld } from './reconcile-all.ts';

/**
 * Restores of which only the directories are left, because the node lost its power or they could not be put where they belong. Their
 * containers are held from the beginning: what the record says of a restore it says until somebody starts or reconciles them.
 */
export class LeftTrees {
  private readonly agent: Agent;
  private readonly held: ReadonlyMap<
    string,
    { readonly notes: readonly TreeNotes[]; readonly release: () => void }
  >;

  /** @param moving containers that other work is left of; theirs are for the next start */
  constructor(agent: Agent, left: readonly TreeNotes[], moving: ReadonlySet<string>) {
    const names = new Set(left.map(({ container }) => container).filter((name) => !moving.has(name)));
    this.agent = agent;
    this.held = new Map(
      [...names].map((name) => {
        const notes = left.filter(({ container }) => container === name);
        return [name, { notes, release: agent.containers.claim(name, RECONCILE) }];
      }),
    );
  }

  get containers(): string[] {
    return [...this.held.keys()];
  }

  /** Each beside the others; containers are reconciled before anybody gets them. */
  recover(): void {
    for (const [name, { notes, release }] of this.held)
      void this.recoverContainer(name, notes)
        .catch((error: unknown) => {
          this.agent.log.error(
            { container: name, err: error },
            'what is left of a restore could not be mended',
          );
        })
        .finally(release);
  }

  private async recoverContainer(name: string, notes: readonly TreeNotes[]): Promise<void> {
    const { agent } = this;
    const tried: TreeNotes[] = [];
    for (const one of notes) {
      const { job } = one;
      if (await patiently(agent, () => isUsedSince(agent, one))) {
        agent.log.error(
          { job, container: name },
          'was used before its directories were back: they stay as they are',
        );
        continue;
      }
      const verdict = one.verdict ?? (await this.ask(one));
      agent.log.warn({ job, container: name, verdict }, 'an earlier agent has left directories of a restore');
      await bringTreesToEnd(agent, one, verdict);
      tried.push({ ...one, verdict });
    }
    await patiently(agent, () => reconcileHeld(agent, name));
    // What could not be put back still is by the next agent, though this one may have changed the record.
    for (const one of tried)
      if ((await notedVerdict(agent.config.stateDir, one.job)) === 'undone') await noteLeft(agent, one);
  }

  /** No task is left, and the record says whose the directories are. */
  private async ask(notes: TreeNotes): Promise<Verdict> {
    const { agent } = this;
    const { xml, before, job } = notes;
    const spec = parseDomain(xml, { file: `restore ${job}` });
    const verdict = (await wasCommitted(agent, { spec, xml, ...(before ? { before } : {}) }))
      ? 'committed'
      : 'undone';
    await persistently(agent, { job, what: 'noting what was decided' }, () =>
      noteTrees(agent.config.stateDir, { ...notes, verdict }),
    );
    return verdict;
  }
}
