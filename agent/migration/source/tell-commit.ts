import type { Move } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { tellUntil } from '../tell.ts';

/** Tells the target that the record names it, until it has heard or `enough` says so. */
export function tellCommit(
  agent: Agent,
  { job, container, target, epoch }: Move,
  revision: number,
  enough: () => boolean,
): Promise<void> {
  const body = { type: 'io.godwit.v1.node.commit.request', job, container, epoch: epoch + 1, revision };
  return tellUntil(agent, agent.subjects.node(target, 'commit'), body, enough);
}
