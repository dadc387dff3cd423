import { decode } from '../../../protocol/codec.ts';
import { EXCHANGES, GodwitError, NodeInfo, type PrepareReply } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';

/** A target may have to define, mount and start things before it says ready. */
const PREPARE_MS = 20_000;
/** Between two looks whether the agent that was asked still lives: one that died will never answer. */
const LOOK_MS = 2_000;

/** Sends `prepare`. @throws GodwitError what the target answers, BUS_TIMEOUT, MOVE_ABORTED when its agent is another by now */
export async function askTarget(agent: Agent, target: NodeInfo, request: object): Promise<PrepareReply> {
  const subject = agent.subjects.node(target.node, 'prepare');
  const over = new AbortController();
  const reply = agent.bus.request(subject, request, { timeoutMs: PREPARE_MS });
  const replaced = untilReplaced(agent, target, over.signal);
  reply.catch(() => {});
  replaced.catch(() => {});
  try {
    return decode(EXCHANGES.node.prepare.reply, subject, await Promise.race([reply, replaced]));
  } finally {
    over.abort();
  }
}

async function untilReplaced(
  agent: Agent,
  { node, incarnation }: NodeInfo,
  signal: AbortSignal,
): Promise<never> {
  const subject = agent.subjects.node(node, 'info');
  for (;;) {
    await agent.clock.sleep(LOOK_MS, signal);
    const seen = await agent.bus
      .request(subject, { type: 'io.godwit.v1.node.info.request' })
      .then((body) => decode(NodeInfo, subject, body))
      .catch(() => undefined);
    if (seen && seen.incarnation !== incarnation)
      throw new GodwitError('MOVE_ABORTED', { problem: `the agent on ${node} restarted` });
  }
}
