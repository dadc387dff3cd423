import { GodwitError, type RecordJob } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import type { Agent } from '../migration/agent.ts';
import { holdsNoCopy } from '../migration/frozen-copy.ts';
import { withoutJob } from '../migration/moving-record.ts';

const LOOK_MS = 3_000;

/**
 * Follows a container that a commit gave to this node and whose copy is gone, until it is settled: by an operator, or while it
 * is in doubt by the source, which says that it holds no copy either. Then it is lost, and may be started anew.
 */
export async function followDoubt(
  agent: Agent,
  { record: { name }, revision }: Versioned,
  job: RecordJob,
): Promise<void> {
  const { bus, containers, config, clock, log } = agent;
  for (;;) {
    await clock.sleep(LOOK_MS);
    try {
      const seen = await bus.records.get(name);
      // An older record than the doubt itself says nothing.
      if (seen && seen.revision < revision) continue;
      if (seen?.record.owner !== config.node) return await giveUp(agent, name);
      if (seen.record.job?.id !== job.id) return void (await containers.adopt(seen));
      if (seen.record.phase === 'lost') continue;
      if (!(await holdsNoCopy(agent, { job: job.id, source: job.source }))) continue;
      log.error({ container: name, job: job.id }, 'no copy is left: the container is lost');
      await containers.change(name, (record) => ({ ...withoutJob(record), phase: 'lost' }));
      return;
    } catch (error) {
      if (!(error instanceof GodwitError)) throw error;
      log.warn({ container: name, err: error }, 'in doubt still');
    }
  }
}

/** An operator kept the copy of another node. */
async function giveUp({ containers, runtime }: Agent, name: string): Promise<void> {
  await containers.release(name);
  await runtime.sweep(name);
  await runtime.undefine(name);
}
