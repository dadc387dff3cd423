import { type BalanceMove, LIMITS, toGodwitError } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { migrateContainer } from '../../migration/source/migrate.ts';

const LOOK_MS = 200;

/** Moves one container as planned, as an operator would; true when it is there. Never rejects. */
export async function moveTo(
  agent: Agent,
  { container, target, reason }: BalanceMove,
  id: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { log, clock, jobs } = agent;
  log.info({ container, target, job: id, reason }, 'moved for balance');
  try {
    await migrateContainer(
      agent,
      container,
      {
        type: 'io.godwit.v1.container.migrate.request',
        target,
        timeoutMs: LIMITS.moveMs,
        dryRun: false,
        unsafe: false,
      },
      id,
    );
    for (;;) {
      const { state, outcome } = jobs.get(id).tracker.current;
      if (state === 'ended') return outcome === 'done';
      await clock.sleep(LOOK_MS, signal);
    }
  } catch (error) {
    const { message } = toGodwitError(error);
    log.warn({ container, target, problem: message }, 'could not be moved for balance');
    return false;
  }
}
