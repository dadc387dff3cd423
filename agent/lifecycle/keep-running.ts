import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stoppable, Versioned } from '../bus/bus.ts';
import { containerVerbs } from '../containers/verbs.ts';
import { hasCode } from '../host/failure.ts';
import type { Agent } from '../migration/agent.ts';
import { RECONCILE } from '../recovery/reconcile-all.ts';
import { Pauses } from './pauses.ts';

const PERIOD_MS = 2_000;

/**
 * Starts containers that nobody asked for now: after the boot of the node those with `autostart`, and those with `restart`
 * that ran and have ended by themselves, also while no agent was there: `before` is what the records said when this one
 * started. It asks as an operator would, so that a move, a doubt or a stop goes before it.
 */
export async function keepRunning(agent: Agent, before: readonly Versioned[]): Promise<Stoppable> {
  const stop = new AbortController();
  const ran = new Set<string>();
  const pauses = new Pauses();
  const booted = await firstSinceBoot(agent.config.runDir);
  const due = new Set(
    booted ? names(agent, ({ autostart }) => autostart === true) : await endedMeanwhile(agent, before),
  );
  const watch = async () => {
    while (!stop.signal.aborted) {
      for (const name of names(agent, ({ restart }) => restart === true)) {
        if (await hasEnded(agent, name, ran)) due.add(name);
      }
      for (const name of due) await startDue(agent, name, due, pauses);
      await agent.clock.sleep(PERIOD_MS, stop.signal);
    }
  };
  const watching = watch().catch((error: unknown) => {
    if (!stop.signal.aborted) agent.log.error({ err: error }, 'containers are no longer kept running');
  });
  return {
    stop: async () => {
      stop.abort(new Error('the agent stops'));
      await watching;
    },
  };
}

function names(
  { containers }: Agent,
  test: (policy: { readonly autostart?: true; readonly restart?: true }) => boolean,
): string[] {
  return containers.list().flatMap(({ record, spec }) => (test(spec.policy) ? record.name : []));
}

/** Containers with `restart` that ran as far as their records knew, and do not now. */
async function endedMeanwhile(agent: Agent, before: readonly Versioned[]): Promise<string[]> {
  const restart = new Set(names(agent, (policy) => policy.restart === true));
  const ran = before.flatMap(({ record: { name, owner, phase, job } }) =>
    restart.has(name) && owner === agent.config.node && phase === 'running' && job === undefined
      ? [name]
      : [],
  );
  const states = await Promise.all(
    ran.map((name) => agent.runtime.status(name).catch(() => ({ state: 'unknown' as const }))),
  );
  const ended = ran.filter((_name, index) => states[index]?.state === 'stopped');
  for (const name of ended)
    agent.log.warn({ container: name }, 'ended while no agent was there; it is started again');
  return ended;
}

/** It was seen running, the record says that it should, nothing works on it, and it is gone. */
async function hasEnded(
  { containers, runtime, log }: Agent,
  name: string,
  ran: Set<string>,
): Promise<boolean> {
  const quiet = () => {
    const { phase, job } = containers.get(name).record;
    return phase === 'running' && job === undefined && containers.holder(name) === undefined;
  };
  if (!quiet()) {
    ran.delete(name);
    return false;
  }
  const { state } = await runtime.status(name).catch(() => ({ state: 'unknown' as const }));
  if (state === 'running') ran.add(name);
  // The look took a while, in which a stop or a move may have begun.
  if (state !== 'stopped' || !ran.has(name) || !containers.has(name) || !quiet()) return false;
  ran.delete(name);
  log.warn({ container: name }, 'ended by itself; it is started again');
  return true;
}

async function startDue(agent: Agent, name: string, due: Set<string>, pauses: Pauses): Promise<void> {
  const { containers, log, clock } = agent;
  if (!containers.has(name)) return void due.delete(name);
  // What an agent finds when it starts is put right first; that ends by itself.
  if (containers.holder(name) === RECONCILE) return;
  if (!pauses.isOver(name, clock.monotonicMs())) return;
  pauses.next(name, clock.monotonicMs());
  try {
    await containerVerbs(name, agent).start({ type: 'io.godwit.v1.container.start.request' });
    due.delete(name);
  } catch (error) {
    log.error({ container: name, err: error }, 'could not be started');
    // It runs, or somebody works on it: whoever that is decides. Otherwise it is tried again.
    const { state } = await agent.runtime.status(name).catch(() => ({ state: 'unknown' as const }));
    if (state !== 'stopped' || containers.holder(name) !== undefined) due.delete(name);
  }
}

/** The run directory is on tmpfs: a mark in it is gone after a boot. */
async function firstSinceBoot(runDir: string): Promise<boolean> {
  try {
    await mkdir(runDir, { recursive: true, mode: 0o700 });
    await writeFile(join(runDir, 'booted'), '', { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}
