import { decode } from '../../../protocol/codec.ts';
import { AbortReply, fromWire, type Move, type WireError } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';

const TELL_MS = 5_000;

/**
 * Once: the target finds out by itself when it is not reached, for its streams are gone and the record tells. Resolves with
 * what had gone wrong there, if that is why.
 */
export async function tellAbort(
  agent: Agent,
  { job, target }: Move,
  reason: string,
): Promise<WireError | undefined> {
  const body = { type: 'io.godwit.v1.node.abort.request', job, reason };
  const subject = agent.subjects.node(target, 'abort');
  try {
    const answer = await agent.bus.request(subject, body, { timeoutMs: TELL_MS });
    const { error } = decode(AbortReply, subject, answer);
    return error && fromWire(error).toWire();
  } catch (error) {
    agent.log.warn({ job, err: error }, 'the target could not be told of the abort');
    return undefined;
  }
}
