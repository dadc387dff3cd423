import { type ContainerResolveRequest, GodwitError } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { type Holder, holdsNoCopy } from '../frozen-copy.ts';
import { resolveRecord } from '../resolve-record.ts';

/** How long the answer waits for the decision to take effect. */
const SETTLE_MS = 6_000;
const LOOK_MS = 100;

/**
 * An operator gives up a container that is lost, or in doubt, here, when its source does not answer for the job, or has
 * nothing left of it. @throws GodwitError JOB_STATE, USAGE, STORE_UNAVAILABLE
 */
export async function resolveLost(
  agent: Agent,
  name: string,
  { job: id, keep, force }: ContainerResolveRequest,
): Promise<void> {
  const { containers, config, clock } = agent;
  const { record } = containers.get(name);
  const { job, phase } = record;
  const refused = (problem: string) => new GodwitError('JOB_STATE', { job: id, state: phase, problem });
  if (!job || job.id !== id || job.target !== config.node)
    throw refused(`'${name}' is part of no such move here`);
  const { source, target } = job;
  if (keep !== source && keep !== target)
    throw new GodwitError('USAGE', { problem: `job ${id} is between ${source} and ${target}, not ${keep}` });
  if (keep === source)
    throw refused(`only ${source} can go on with its copy, and it does not answer for the job`);
  const none = await saysNone(agent, { job: id, source });
  if (none === false) throw refused(`${source} holds a whole copy and answers: ask it`);
  if (none === undefined && !force)
    throw refused(`${source} does not answer; if it is dead for good, say so with --force`);
  await resolveRecord(agent, { job: id, container: name, source, target }, 'target', false);
  const untilMs = clock.monotonicMs() + SETTLE_MS;
  while (containers.get(name).record.job && clock.monotonicMs() < untilMs) await clock.sleep(LOOK_MS);
}

/** Undefined when the source does not answer. */
async function saysNone(agent: Agent, holder: Holder): Promise<boolean | undefined> {
  try {
    return await holdsNoCopy(agent, holder);
  } catch (error) {
    if (error instanceof GodwitError) return undefined;
    throw error;
  }
}
