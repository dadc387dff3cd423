import { GodwitError } from '../../../protocol/mod.ts';
import type { Agent, Arriving } from '../agent.ts';

/** The move of this job that arrives here. @throws GodwitError JOB_NOT_FOUND */
export function arrivalOf(agent: Agent, job: string): Arriving {
  const found = agent.arriving.get(job);
  if (!found) throw new GodwitError('JOB_NOT_FOUND', { job });
  return found;
}
