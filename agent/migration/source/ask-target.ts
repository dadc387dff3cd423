import { decode } from '../../../protocol/codec.ts';
import { EXCHANGES, GodwitError, NodeInfo, type PrepareReply } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';

/** A target may have to define, mount and start things before it says ready. */
const PREPARE_MS = 20_000;
/** A question or an answer that got lost is asked for again after this; the target does nothing twice. */
const AGAIN_MS = 3_000;
/** Between two looks whether the agent that was asked still lives: one that died will never answer. */
const LOOK_MS = 2_000;

/** Sends `prepare`. @throws GodwitError what the target answers, BUS_TIMEOUT, MOVE_ABORTED when its agent is another by now */
export async function askTarget(agent: Agent, target: NodeInfo, request: object): Promise<PrepareReply> {
  const subject = agent.subjects.node(target.node, 'prepare');
  const over = new AbortController();
  const reply = askAgain(agent, subject, request, over.signal);
  const replaced = untilReplaced(agent, target, over.signal);
  reply.catch(() => {});
  replaced.catch(() => {});
  try {
    return decode(EXCHANGES.node.prepare.reply, subject, await Promise.race([reply, replaced]));
  } finally {
    over.abort();
  }
}

/** @throws GodwitError what the target answers, BUS_TIMEOUT */
async function askAgain(
  { bus, clock }: Agent,
  subject: string,
  request: object,
  signal: AbortSignal,
): Promise<unknown> {
  const endMs = clock.monotonicMs() + PREPARE_MS;
  for (let asked = false; ; asked = true) {
    const leftMs = endMs - clock.monotonicMs();
    try {
      return await bus.request(subject, request, { timeoutMs: Math.max(1, Math.min(AGAIN_MS, leftMs)) });
    } catch (error) {
      const { code } = error as GodwitError;
      // One that was there before may only be cut off for a while.
      const silent = code === 'BUS_TIMEOUT' || (asked && code === 'NODE_NOT_FOUND');
      if (!silent || leftMs <= AGAIN_MS || signal.aborted) throw error;
      if (code === 'NODE_NOT_FOUND') await clock.sleep(AGAIN_MS, signal);
    }
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
