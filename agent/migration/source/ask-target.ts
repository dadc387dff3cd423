import { decode } from '../../../protocol/codec.ts';
import { EXCHANGES, GodwitError, NodeInfo, type PrepareReply } from '../../../protocol/mod.ts';
import type { Clock } from '../../effects/clock.ts';
import type { Agent } from '../agent.ts';

/** Without any word of its agent for so long nobody waits for the target: it may be cut off, or gone. */
const SILENT_MS = 20_000;
/** Nor longer for one that lives. It defines, mounts and starts things before it says ready, on a starved machine slowly. */
const PREPARE_MS = 120_000;
/** A question or an answer that got lost is asked for again after this; the target does nothing twice. */
const AGAIN_MS = 3_000;
/** Between two looks whether the agent that was asked still lives: one that died will never answer. */
const LOOK_MS = 2_000;

/**
 * Sends `prepare`, and waits for the answer as long as the target's agent is heard: the container runs meanwhile.
 * @throws GodwitError what the target answers, BUS_TIMEOUT, MOVE_ABORTED when its agent is another by now
 */
export async function askTarget(agent: Agent, target: NodeInfo, request: object): Promise<PrepareReply> {
  const subject = agent.subjects.node(target.node, 'prepare');
  const over = new AbortController();
  const patience = new Patience(agent.clock);
  const reply = askAgain(agent, subject, request, { patience, signal: over.signal });
  const replaced = untilReplaced(agent, target, { patience, signal: over.signal });
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
  { patience, signal }: Waiting,
): Promise<unknown> {
  for (let asked = false; ; asked = true) {
    const { leftMs } = patience;
    try {
      return await bus.request(subject, request, { timeoutMs: Math.max(1, Math.min(AGAIN_MS, leftMs)) });
    } catch (error) {
      const { code } = error as GodwitError;
      // One that was there before may only be cut off for a while.
      const silent = code === 'BUS_TIMEOUT' || (asked && code === 'NODE_NOT_FOUND');
      if (!silent || patience.leftMs <= 0 || signal.aborted) throw error;
      if (code === 'NODE_NOT_FOUND') await clock.sleep(AGAIN_MS, signal);
    }
  }
}

async function untilReplaced(
  agent: Agent,
  { node, incarnation }: NodeInfo,
  { patience, signal }: Waiting,
): Promise<never> {
  const subject = agent.subjects.node(node, 'info');
  for (;;) {
    await agent.clock.sleep(LOOK_MS, signal);
    const seen = await agent.bus
      .request(subject, { type: 'io.godwit.v1.node.info.request' })
      .then((body) => decode(NodeInfo, subject, body))
      .catch(() => undefined);
    if (seen) patience.renew();
    if (seen && seen.incarnation !== incarnation)
      throw new GodwitError('MOVE_ABORTED', { problem: `the agent on ${node} restarted` });
  }
}

interface Waiting {
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** How long is still waited: anew with each word of the agent, within a limit. */
class Patience {
  private readonly clock: Clock;
  private readonly lastMs: number;
  private silentMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    const nowMs = clock.monotonicMs();
    this.lastMs = nowMs + PREPARE_MS;
    this.silentMs = nowMs + SILENT_MS;
  }

  get leftMs(): number {
    return Math.min(this.silentMs, this.lastMs) - this.clock.monotonicMs();
  }

  renew(): void {
    this.silentMs = this.clock.monotonicMs() + SILENT_MS;
  }
}
