import type { Versioned } from '../bus/bus.ts';
import type { Agent } from '../migration/agent.ts';
import { followDoubt } from './doubt.ts';
import { repairContainer } from './repair.ts';

/** Holds a container while it is found out what is true of it. */
export const RECONCILE = 'reconcile';

/**
 * Answers for the containers of this node, and reconciles every container that the records or the runtime know here, but
 * those in `moving`, which their moves bring to an end. What a move or a loss has left is made true first; where nothing
 * speaks against the record, that is found out while the container is answered for already.
 */
export async function reconcileAll(
  agent: Agent,
  records: readonly Versioned[],
  moving: ReadonlySet<string>,
): Promise<void> {
  const { config, containers, runtime } = agent;
  const byName = new Map(records.map((seen) => [seen.record.name, seen]));
  const defined = new Set(await runtime.defined());
  const later: string[] = [];
  for (const [name, seen] of byName) {
    const { owner, phase, job } = seen.record;
    if (owner !== config.node) continue;
    const quiet = job === undefined && (phase === 'running' || phase === 'stopped');
    if (moving.has(name) || quiet) await containers.adopt(seen);
    else await repairOwn(agent, seen, defined.has(name));
    if (quiet && !moving.has(name)) later.push(name);
  }
  const strangers = [...defined].filter((name) => byName.get(name)?.record.owner !== config.node);
  const rest = [...later, ...strangers.filter((name) => !moving.has(name))];
  void repairLater(agent, rest, byName, defined).then(() => agent.sweep());
}

/**
 * The source says that the record of this move names this node, which knows nothing of it: it lost power before the commit
 * was made, or read the record too early.
 */
export async function reconcileLate(agent: Agent, name: string, job: string): Promise<void> {
  const { bus, config, containers } = agent;
  const seen = await bus.records.get(name);
  if (seen?.record.owner !== config.node || seen.record.job?.id !== job || containers.has(name)) return;
  await reconcileOwn(agent, seen);
}

/** Makes a container of this node true that no move of this agent is about. @throws GodwitError CONTAINER_BUSY */
export async function reconcileOwn(agent: Agent, seen: Versioned): Promise<void> {
  const { name } = seen.record;
  const defined = (await agent.runtime.defined()).includes(name);
  await agent.containers.exclusively(name, RECONCILE, () => repairOwn(agent, seen, defined));
}

/** Makes a container true that its caller holds, whosever it is by now. @throws GodwitError STORE_UNAVAILABLE, RUNTIME_FAILED */
export async function reconcileHeld(agent: Agent, name: string): Promise<void> {
  const seen = await agent.bus.records.get(name);
  const defined = (await agent.runtime.defined()).includes(name);
  if (seen?.record.owner === agent.config.node) return repairOwn(agent, seen, defined);
  await repairContainer(agent, { name, defined, seen });
}

async function repairOwn(agent: Agent, seen: Versioned, defined: boolean): Promise<void> {
  const { name } = seen.record;
  const now = await repairContainer(agent, { name, defined, seen }).catch((error: unknown) => {
    agent.log.error({ container: name, err: error }, 'could not be reconciled');
    return seen;
  });
  if (now?.record.owner !== agent.config.node) return;
  await agent.containers.adopt(now);
  const { phase, job } = now.record;
  if ((phase === 'in-doubt' || phase === 'lost') && job) void followDoubt(agent, now, job);
}

async function repairLater(
  agent: Agent,
  names: readonly string[],
  byName: ReadonlyMap<string, Versioned>,
  defined: ReadonlySet<string>,
): Promise<void> {
  const { containers, log } = agent;
  for (const name of names) {
    // Somebody works on it already: then it is known what it is.
    if (containers.holder(name) || [...agent.arriving.values()].some((move) => move.container === name))
      continue;
    try {
      await containers.exclusively(name, RECONCILE, async () => {
        const seen = containers.has(name) ? containers.get(name) : byName.get(name);
        const now = await repairContainer(agent, { name, defined: defined.has(name), seen });
        if (now) containers.saw(name, now);
      });
    } catch (error) {
      log.error({ container: name, err: error }, 'could not be reconciled');
    }
  }
}
