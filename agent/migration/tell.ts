import type { Agent } from './agent.ts';

const WAIT_MS = { first: 100, longest: 2_000 };
/** After this the other side counts as gone for good; it learns from the record. */
const GIVE_UP_MS = 60_000;

/**
 * Repeats a request until it is acknowledged or `enough` says that its point was reached another way; the other side
 * takes repetitions of the same word.
 */
export async function tellUntil(
  agent: Pick<Agent, 'bus' | 'clock' | 'log'>,
  subject: string,
  body: unknown,
  enough: () => boolean,
): Promise<void> {
  const giveUpAtMs = agent.clock.monotonicMs() + GIVE_UP_MS;
  let waitMs = WAIT_MS.first;
  while (!enough() && agent.clock.monotonicMs() < giveUpAtMs) {
    try {
      await agent.bus.request(subject, body, { timeoutMs: WAIT_MS.longest });
      return;
    } catch (error) {
      agent.log.warn({ subject, err: error }, 'not acknowledged, will be repeated');
      await agent.clock.sleep(waitMs);
      waitMs = Math.min(WAIT_MS.longest, waitMs * 2);
    }
  }
}
