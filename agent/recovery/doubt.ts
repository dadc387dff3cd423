import { decode } from '../../protocol/codec.ts';
import { EXCHANGES, GodwitError, type RecordJob } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import type { Agent } from '../migration/agent.ts';
import { withoutJob } from '../migration/moving-record.ts';

const LOOK_MS = 3_000;

/**
 * Follows a container that a commit gave to this node and whose copy is gone, until it is settled: by an operator, or by the
 * source, which says that it holds no copy either. Then it is lost, and may be started anew.
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
      if (seen.record.phase !== 'in-doubt') return void (await containers.adopt(seen));
      if (!(await isGone(agent, job))) continue;
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

/**
 * True only when the source's own agent says so. "No such job" is what an agent that is just starting would say as well: it
 * counts when the same start of the agent answered before and after it.
 */
async function isGone({ bus, subjects }: Agent, { id, source }: RecordJob): Promise<boolean> {
  const subject = subjects.job(id, 'info');
  const before = await startOf({ bus, subjects }, source);
  try {
    const reply = await bus.request(subject, { type: 'io.godwit.v1.job.info.request' });
    return decode(EXCHANGES.job.info.reply, subject, reply).job.frozenCopy !== true;
  } catch (error) {
    if (!(error instanceof GodwitError) || error.code !== 'JOB_NOT_FOUND') throw error;
    return before === (await startOf({ bus, subjects }, source));
  }
}

async function startOf({ bus, subjects }: Pick<Agent, 'bus' | 'subjects'>, node: string): Promise<string> {
  const subject = subjects.node(node, 'info');
  const reply = await bus.request(subject, { type: 'io.godwit.v1.node.info.request' });
  return decode(EXCHANGES.node.info.reply, subject, reply).incarnation;
}
