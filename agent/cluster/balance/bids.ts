import {
  AuctionReply,
  type AuctionRequest,
  type BalanceAnswer,
  type BalanceMove,
  type BalanceRequest,
  loadOf,
  plus,
  sumOfUsage,
  toGodwitError,
} from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { questionOf } from '../auction/hold.ts';

const ANSWER_MS = 3_000;

/** Asks the target of a move what it says of it; a node that does not answer is no error. */
export async function askTarget(
  agent: Agent,
  { container, target }: Pick<BalanceMove, 'container' | 'target'>,
  manner: {
    readonly auction: string;
    readonly firm: boolean;
    readonly planned: BalanceRequest['planned'];
  },
): Promise<BalanceAnswer> {
  const { bus, subjects, containers, log } = agent;
  const silent = { container, node: target };
  if (!containers.has(container)) return { ...silent, problem: `${container} is not here any more` };
  const wish = { auction: manner.auction, owned: containers.get(container), dryRun: !manner.firm };
  let question: AuctionRequest;
  try {
    question = { ...(await questionOf(agent, wish)), firm: manner.firm };
  } catch (error) {
    log.warn({ container, err: error }, 'a container that could leave cannot be looked at');
    return { ...silent, problem: toGodwitError(error).message };
  }
  try {
    const reply = await bus.request(subjects.node(target, 'bid'), question, { timeoutMs: ANSWER_MS });
    const { refusals, load, after, capacity, groupMembers } = AuctionReply.parse(reply);
    const reasons = refusals.map(({ message }) => message);
    const coming = manner.planned.filter((one) => one.target === target).map(({ usage }) => usage);
    const more = loadOf(sumOfUsage(coming), capacity);
    return { ...silent, said: { reasons, load: plus(load, more), after: plus(after, more), groupMembers } };
  } catch (error) {
    log.info({ container, target, err: error }, 'a node that could take load did not answer');
    return silent;
  }
}
