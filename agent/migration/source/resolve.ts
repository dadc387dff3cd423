import { decode } from '../../../protocol/codec.ts';
import { EXCHANGES, GodwitError, type JobResolveRequest, type Side } from '../../../protocol/mod.ts';
import { reconcileOwn } from '../../recovery/reconcile-all.ts';
import type { Agent } from '../agent.ts';
import { resolveRecord } from '../resolve-record.ts';
import type { MoveControl } from './serve-job.ts';

const GIVEN_UP = 'an operator gave up what was left of its memory';
const SILENT = (node: string) => `${node} does not answer; if it is dead for good, say so with --force`;

/** How long the answer waits for the decision to take effect. */
const SETTLE_MS = 4_000;
const LOOK_MS = 100;
/** For one such look: the whole must fit into what the operator waits. */
const LOOK_ANSWER_MS = 1_000;

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
  const there = await stateAt(agent, container);
  if (side === 'source' && there === 'running') throw refused(`'${container}' runs on ${target}`);
  const resolved = { keep, force, atMs: agent.clock.nowMs() };
  if (!move || move.isOver) {
    if (!force && side === 'source')
      throw refused(`${source} has no copy; --force keeps it there all the same, stopped`);
    if (!force && there === undefined) throw refused(SILENT(target));
    const settled = await resolveRecord(agent, tracker.current, side, force);
    tracker.set({ resolved });
    tracker.end('lost', new GodwitError('CONTAINER_LOST', { container, problem: GIVEN_UP }).toWire());
    if (side === 'source') await reconcileOwn(agent, settled);
    return;
  }
  if (!force && there === undefined) throw refused(SILENT(target));
  if (!force && side === 'target' && there === 'frozen')
    throw refused(
      `the copy on ${target} can never be completed, and the whole one on ${source} would be gone; --force gives up both`,
    );
  if (!force && side === 'target' && there === 'stopped')
    throw refused(
      `${target} has no copy, and the one on ${source} would be gone; --force does it all the same`,
    );
  move.resolve(side, force);
  tracker.set({ resolved });
  await Promise.race([move.settled, agent.clock.sleep(SETTLE_MS)]);
  if (side === 'target' && there !== undefined) await untilStopped(agent, container);
}

/** A target clears its frozen copy away once it has seen the record. What goes wrong now changes nothing of what was decided. */
async function untilStopped(agent: Agent, container: string): Promise<void> {
  const { clock } = agent;
  const untilMs = clock.monotonicMs() + SETTLE_MS;
  while (clock.monotonicMs() < untilMs) {
    const state = await stateAt(agent, container, { timeoutMs: LOOK_ANSWER_MS }).catch(() => undefined);
    if (state === 'stopped') return;
    await clock.sleep(LOOK_MS);
  }
}

/** What the owner's runtime says; undefined when it does not answer. */
async function stateAt(
  { bus, subjects }: Agent,
  container: string,
  options: { readonly timeoutMs?: number } = {},
) {
  const subject = subjects.container(container, 'info');
  try {
    const reply = await bus.request(subject, { type: 'io.godwit.v1.container.info.request' }, options);
    return decode(EXCHANGES.container.info.reply, subject, reply).container.state;
  } catch (error) {
    if (error instanceof GodwitError && ['CONTAINER_NOT_FOUND', 'BUS_TIMEOUT'].includes(error.code))
      return undefined;
    throw error;
  }
}
