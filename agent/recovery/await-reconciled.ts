import type { Agent } from '../migration/agent.ts';
import { RECONCILE } from './reconcile-all.ts';

/** What takes longer is said: the container is busy. */
const WAIT_MS = 3_000;

/** An agent that has just started looks at each of its containers; what is asked of one meanwhile waits a moment for that. */
export async function awaitReconciled(
  { containers, clock }: Pick<Agent, 'containers' | 'clock'>,
  name: string,
): Promise<void> {
  if (containers.holder(name) !== RECONCILE) return;
  const enough = new AbortController();
  const late = clock.sleep(WAIT_MS, enough.signal).catch(() => {});
  await Promise.race([late, containers.released(name)]);
  enough.abort();
}
