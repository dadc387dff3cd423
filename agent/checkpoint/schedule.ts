import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { Stoppable } from '../bus/bus.ts';
import type { Agent } from '../migration/agent.ts';
import { checkpointContainer } from './make/save.ts';
import { isDue, surplus } from './retention.ts';
import type { CheckpointStore } from './store/store.ts';

const PERIOD_MS = 2_000;
/** After a try that failed. */
const PAUSE_MS = 60_000;

/**
 * Puts containers with a schedule into the store, one after the other, as an operator would with --leave-running. The store
 * says when it was last done: whoever owns the container goes on where the owner before has left off.
 */
export function keepCheckpointing(agent: Agent): Stoppable {
  const { checkpoints: store, clock, log } = agent;
  if (!store) return { stop: async () => {} };
  const stop = new AbortController();
  const next = new Map<string, number>();
  const watch = async () => {
    while (!stop.signal.aborted) {
      for (const name of scheduled(agent)) await lookAfter(agent, store, name, next);
      await clock.sleep(PERIOD_MS, stop.signal);
    }
  };
  const watching = watch().catch((error: unknown) => {
    if (!stop.signal.aborted) log.error({ err: error }, 'schedules are no longer kept');
  });
  return {
    stop: async () => {
      stop.abort(new Error('the agent stops'));
      await watching;
    },
  };
}

function scheduled({ containers }: Agent): string[] {
  return containers.list().flatMap(({ record, spec }) => {
    const quiet = record.phase === 'running' && !record.job && !containers.holder(record.name);
    return spec.policy.checkpoints && quiet ? record.name : [];
  });
}

/** @param next when each container is looked at again, so that the store is not read all the time */
async function lookAfter(
  agent: Agent,
  store: CheckpointStore,
  name: string,
  next: Map<string, number>,
): Promise<void> {
  const { clock, containers, log } = agent;
  if (clock.monotonicMs() < (next.get(name) ?? 0)) return;
  next.set(name, clock.monotonicMs() + PAUSE_MS);
  try {
    const schedule = containers.get(name).spec.policy.checkpoints;
    if (!schedule) return;
    const { found } = await store.list(name);
    const lastMs = found[0]?.manifest.createdAtMs;
    if (isDue(schedule.everyMs, lastMs, clock.nowMs())) {
      const request = {
        leaveRunning: true,
        full: false,
        directories: schedule.directories ?? true,
        unsafe: false,
        timeoutMs: LIMITS.moveMs,
      };
      const { over } = await checkpointContainer(agent, name, request, 'schedule');
      await over;
    }
    await prune(agent, store, name);
    const waitMs =
      schedule.everyMs - (clock.nowMs() - ((await store.list(name)).found[0]?.manifest.createdAtMs ?? 0));
    next.set(name, clock.monotonicMs() + Math.min(Math.max(waitMs, 0), schedule.everyMs, PAUSE_MS));
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    log.warn({ container: name, err: error }, 'a checkpoint that was due could not be made');
  }
}

/** Only what the schedule made; an operator's own checkpoints are the operator's to delete. */
async function prune(agent: Agent, store: CheckpointStore, name: string): Promise<void> {
  const rule = agent.containers.get(name).spec.policy.checkpoints;
  if (!rule) return;
  const { found } = await store.list(name);
  const made = found.filter(({ manifest }) => manifest.trigger === 'schedule');
  const dated = made.map((one) => ({ ...one.manifest, one }));
  for (const { one } of surplus(dated, rule, agent.clock.nowMs())) {
    // One of an operator's may build on it.
    await store.delete(one, agent.random.id()).catch((error: unknown) => {
      if (!(error instanceof GodwitError) || error.code !== 'CHECKPOINT_NEEDED') throw error;
    });
  }
}
