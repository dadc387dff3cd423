import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { persistently } from '../../migration/persistently.ts';
import type { RestoreNotes } from '../notes.ts';
import { forgetTrees, noteTrees, type Verdict } from './tree-notes.ts';
import { settleTrees, takeTreesBack } from './trees.ts';

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
      await noteTrees(stateDir, { ...notes, verdict });
      throw error;
    }
    await forgetTrees(stateDir, job);
  });
}
