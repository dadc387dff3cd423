import type { Stoppable, Versioned } from '../bus/bus.ts';
import type { Agent } from '../migration/agent.ts';
import { reconcileOwn } from './reconcile-all.ts';

const AGAIN_MS = 60_000;

/**
 * Looks now and then for records that name this node in a move it knows nothing of. What an agent reads at its start may be
 * older than a commit that was on its way then, and the source that would tell of it may be gone.
 */
export function keepLooking(agent: Agent): Stoppable {
  let looking = Promise.resolve();
  let cancel = (): void => {};
  const again = (): void => {
    cancel = agent.clock.after(AGAIN_MS, () => {
      looking = look(agent)
        .catch((error: unknown) => agent.log.warn({ err: error }, 'could not look for forgotten moves'))
        .then(again);
    });
  };
  again();
  return {
    stop: async () => {
      cancel();
      await looking;
      cancel();
    },
  };
}

async function look(agent: Agent): Promise<void> {
  for (const seen of await agent.bus.records.list()) {
    if (isForgotten(agent, seen)) await reconcileOwn(agent, seen);
  }
}

function isForgotten({ config, containers, arriving }: Agent, { record }: Versioned): boolean {
  const { name, owner, phase, job } = record;
  if (owner !== config.node || !job || containers.holder(name)) return false;
  if ([...arriving.values()].some((move) => move.container === name)) return false;
  // A doubt is followed, and a loss is left to the operator, once the node answers for them.
  return !(containers.has(name) && (phase === 'in-doubt' || phase === 'lost'));
}
