import { GodwitError } from '../../protocol/mod.ts';
import type { Agent } from '../migration/agent.ts';

const STORE_RETRY_MS = 500;

/** Records may be out of reach for a while when a whole cluster starts; an agent waits for them. */
export async function patiently<Result>(
  agent: Pick<Agent, 'log' | 'clock'>,
  action: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof GodwitError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      agent.log.warn({ err: error }, 'waiting for the records');
      await agent.clock.sleep(STORE_RETRY_MS);
    }
  }
}
