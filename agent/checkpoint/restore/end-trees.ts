import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { persistently } from '../../migration/persistently.ts';
import type { RestoreNotes } from '../notes.ts';
import { forgetTrees, noteTrees, type TreeNotes, type Verdict } from './tree-notes.ts';
import { areSwapped, settleTrees, takeTreesBack } from './trees.ts';

/**
 * Does with the directories of a restore what was decided about it. What cannot be done now is noted for the next agent, which must
 * not ask the record any more: the container is used again.
 */
export async function bringTreesToEnd(agent: Agent, notes: RestoreNotes, verdict: Verdict): Promise<void> {
  const { xml, job } = notes;
  const { stateDir } = agent.config;
  const spec = parseDomain(xml, { file: `restore ${job}` });
  const [what, action] =
    verdict === 'committed'
      ? (['leaving old directories', settleTrees] as const)
      : (['bringing directories back', takeTreesBack] as const);
  await persistently(agent, { job, what }, async () => {
    try {
      await action(agent, spec, job);
    } catch (error) {
      await noteLeft(agent, { ...notes, verdict });
      throw error;
    }
    await forgetTrees(stateDir, job);
  });
}

/** The container is let go as its record is now. @throws GodwitError HOST_FAILED */
export async function noteLeft(agent: Agent, notes: TreeNotes): Promise<void> {
  const { stateDir } = agent.config;
  if (notes.verdict !== 'undone') return noteTrees(stateDir, notes);
  const letGoAt = await revisionOf(agent, notes).catch(() => -1);
  await noteTrees(stateDir, { ...notes, letGoAt });
}

/**
 * Whether the container may have worked in what an undo would take away: it was let go before its directories were back, and runs,
 * or its record has changed since. @throws GodwitError STORE_UNAVAILABLE, HOST_FAILED
 */
export async function isUsedSince(agent: Agent, notes: TreeNotes): Promise<boolean> {
  const { xml, job, container, verdict, letGoAt } = notes;
  if (verdict !== 'undone' || letGoAt === undefined) return false;
  if (!(await areSwapped(parseDomain(xml, { file: `restore ${job}` }), job))) return false;
  const { pid } = await agent.runtime.status(container);
  return pid !== undefined || (await revisionOf(agent, notes)) !== letGoAt;
}

async function revisionOf({ bus }: Agent, { container }: TreeNotes): Promise<number> {
  return (await bus.records.get(container))?.revision ?? 0;
}
