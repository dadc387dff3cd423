import { decode } from '../../../protocol/codec.ts';
import { EXCHANGES, GodwitError, type JobResolveRequest, type Side } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import type { MoveControl } from './serve-job.ts';

/** How long the answer waits for the decision to take effect. */
const SETTLE_MS = 4_000;

/**
 * An operator decides about a move in doubt: the frozen copy here runs on, or dies. Refused where that would make two copies
 * or leave none, as far as the target says; one that does not answer is left alone unless the operator vouches for it.
 * @throws GodwitError JOB_STATE, USAGE
 */
export async function resolveMove(
  agent: Agent,
  { move, tracker }: MoveControl,
  { keep, force }: JobResolveRequest,
): Promise<void> {
  const { job, source, target, container, outcome, state } = tracker.current;
  const refused = (problem: string) =>
    new GodwitError('JOB_STATE', { job, state: outcome ?? state, problem });
  const side: Side | undefined = keep === source ? 'source' : keep === target ? 'target' : undefined;
  if (!side)
    throw new GodwitError('USAGE', { problem: `job ${job} is between ${source} and ${target}, not ${keep}` });
  if (!move || move.isOver) throw refused('there is nothing to decide: no copy is held here');
  const there = await stateAt(agent, container);
  if (side === 'source' && there === 'running') throw refused(`'${container}' runs on ${target}`);
  if (!force && there === undefined)
    throw refused(`${target} does not answer; if it is dead for good, say so with --force`);
  if (!force && side === 'target' && there === 'stopped')
    throw refused(
      `${target} has no copy, and the one on ${source} would be gone; --force does it all the same`,
    );
  move.resolve(side, force);
  await Promise.race([move.settled, agent.clock.sleep(SETTLE_MS)]);
}

/** What the owner's runtime says; undefined when it does not answer. */
async function stateAt({ bus, subjects }: Agent, container: string) {
  const subject = subjects.container(container, 'info');
  try {
    const reply = await bus.request(subject, { type: 'io.godwit.v1.container.info.request' });
    return decode(EXCHANGES.container.info.reply, subject, reply).container.state;
  } catch (error) {
    if (error instanceof GodwitError && ['CONTAINER_NOT_FOUND', 'BUS_TIMEOUT'].includes(error.code))
      return undefined;
    throw error;
  }
}
