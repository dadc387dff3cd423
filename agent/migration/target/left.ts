import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { GodwitError } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { sideDir } from '../journal.ts';

/**
 * A source whose question was lost with an agent asks the next one, for the same job: what is left of the first answer has the same
 * directory, and its undoing takes all with it that is there by then. Not waited for: a source gives up for the new agent alone within
 * two seconds, and nobody would take the place. Synchronous: nothing may come between this and the reservation.
 * @throws GodwitError MOVE_ABORTED while anything of this job is here
 */
export function assertNothingLeft(
  { arriving, sweeping, config }: Pick<Agent, 'arriving' | 'sweeping' | 'config'>,
  job: string,
): void {
  const dir = dirname(sideDir(config.runDir, job, 'target'));
  if (!arriving.has(job) && !sweeping.has(job) && !existsSync(dir)) return;
  throw new GodwitError('MOVE_ABORTED', {
    problem: `the agent on ${config.node} restarted, and removes what it had reserved`,
  });
}
