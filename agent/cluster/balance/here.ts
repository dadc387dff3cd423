import { combined, type Here, type Job, type Movable, wantedUsage } from '../../../protocol/mod.ts';
import type { Owned } from '../../containers/owned.ts';
import type { Agent } from '../../migration/agent.ts';
import { ROOM_FACTOR } from '../auction/hold.ts';

/** A container that changes its memory faster than the link carries it away does not take for ever: its rounds end. */
const DIRTY_SHARE_MAX = 0.9;

/**
 * This node as it balances; undefined until it knows its load.
 * @param stays containers that are left where they are
 */
export function lookHere(agent: Agent, stays: (container: string) => boolean): Here | undefined {
  const { config, containers, load } = agent;
  const now = load.node();
  if (!now) return undefined;
  const running = containers.list().filter(({ record }) => record.phase !== 'stopped');
  const movable: Movable[] = [];
  const fixedGroups = new Set<string>();
  for (const owned of running) {
    const one = movableOf(agent, owned);
    const { group } = owned.spec.policy.placement ?? {};
    if (one && !stays(owned.record.name))
      movable.push({ ...one, usage: wantedUsage(one.usage, now, load.capacity) });
    else if (group !== undefined) fixedGroups.add(group);
  }
  return {
    node: config.node,
    load: combined(now),
    capacity: load.capacity,
    labels: config.labels,
    movable,
    fixedGroups: [...fixedGroups],
  };
}

/** Undefined for one that is busy with something else, that nobody knows yet, or that balancing leaves alone by its description. */
function movableOf({ containers, load, pairs, jobs }: Agent, { record, spec }: Owned): Movable | undefined {
  const { name, phase } = record;
  const { placement } = spec.policy;
  const usage = load.usage(name);
  if (!usage || phase !== 'running' || containers.holder(name) !== undefined || placement?.balance === false)
    return undefined;
  const { linkBytesPerSecond, fixedMs } = pairs.typical();
  const dirty = dirtyBytesPerSecond(jobs.list(), name);
  const left = linkBytesPerSecond * (1 - Math.min(DIRTY_SHARE_MAX, dirty / linkBytesPerSecond));
  return {
    container: name,
    usage,
    memoryBytes: Math.ceil(usage.memoryBytes * ROOM_FACTOR),
    ...(placement ? { placement } : {}),
    costMs: fixedMs + (usage.memoryBytes / left) * 1000,
  };
}

/** How fast it changed its memory in the rounds of its last move from here: what one round left was changed during the one before. */
function dirtyBytesPerSecond(jobs: readonly Job[], container: string): number {
  const rounds = jobs.findLast((job) => job.container === container && job.rounds.length > 1)?.rounds ?? [];
  const [before, last] = rounds.slice(-2);
  return before && last && before.durationMs > 0 ? (last.bytes / before.durationMs) * 1000 : 0;
}
