import { decode } from '../../protocol/codec.ts';
import { EXCHANGES, GodwitError } from '../../protocol/mod.ts';
import type { Agent } from './agent.ts';

type Asker = Pick<Agent, 'bus' | 'subjects'>;

/** Whose frozen copy it would be. */
export interface Holder {
  readonly job: string;
  readonly source: string;
}

/**
 * Whether the source has no frozen copy of what this job moved. True only when its own agent says so. "No such job" is what
 * an agent that is just starting would say as well: it counts when the same start of the agent answered before and after it.
 */
export async function holdsNoCopy({ bus, subjects }: Asker, { job, source }: Holder): Promise<boolean> {
  const subject = subjects.job(job, 'info');
  const before = await startOf({ bus, subjects }, source);
  try {
    const reply = await bus.request(subject, { type: 'io.godwit.v1.job.info.request' });
    return decode(EXCHANGES.job.info.reply, subject, reply).job.frozenCopy !== true;
  } catch (error) {
    if (!(error instanceof GodwitError) || error.code !== 'JOB_NOT_FOUND') throw error;
    return before === (await startOf({ bus, subjects }, source));
  }
}

async function startOf({ bus, subjects }: Asker, node: string): Promise<string> {
  const subject = subjects.node(node, 'info');
  const reply = await bus.request(subject, { type: 'io.godwit.v1.node.info.request' });
  return decode(EXCHANGES.node.info.reply, subject, reply).incarnation;
}
