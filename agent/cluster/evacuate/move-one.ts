import { type EvacuationEvent, GodwitError, type Job, toGodwitError } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { migrateContainer } from '../../migration/source/migrate.ts';

/** Between two looks at something that goes on by itself. */
const LOOK_MS = 100;
/** The longest a single move may take. */
const MOVE_MS = 600_000;

/** How the containers of an evacuation are moved. */
export interface Manner {
  /** 0 for a node that is failing: nothing may depend on it after a commit. */
  readonly maxExposureMs?: number | undefined;
  readonly unsafe?: boolean | undefined;
}

type Result = Omit<Extract<EvacuationEvent, { kind: 'ended' }>, 'nowMs' | 'kind' | 'container'>;

/** What the evacuation is about while a move of its goes on. */
export interface Bounds {
  readonly deadlineAtMs: number;
  /** No further move begins, not even one that waits for its turn. */
  readonly isOver: () => boolean;
}

/** Moves one container off this node, as an operator would who names no target. Never rejects. */
export async function moveOne(
  agent: Agent,
  name: string,
  { deadlineAtMs, isOver }: Bounds,
  { maxExposureMs, unsafe = false }: Manner,
): Promise<Result> {
  try {
    await untilFree(agent, name, deadlineAtMs);
    const elsewhere = await whereabouts(agent, name);
    if (elsewhere) return elsewhere;
    const { job = '' } = await migrateContainer(agent, name, {
      type: 'io.godwit.v1.container.migrate.request',
      timeoutMs: Math.max(1, Math.min(MOVE_MS, Math.ceil(deadlineAtMs - agent.clock.nowMs()))),
      dryRun: false,
      unsafe,
      ...(maxExposureMs === undefined ? {} : { maxExposureMs }),
    });
    return resultOf(await ended(agent, job, isOver));
  } catch (error) {
    return { outcome: 'failed', reason: toGodwitError(error).message };
  }
}

/** Whatever else is done with it (a checkpoint, a move that an earlier agent began) comes to its end first. */
async function untilFree({ containers, clock }: Agent, name: string, deadlineAtMs: number): Promise<void> {
  for (let holder = containers.holder(name); holder; holder = containers.holder(name)) {
    if (clock.nowMs() >= deadlineAtMs)
      throw new GodwitError('CONTAINER_BUSY', { container: name, job: holder });
    await clock.sleep(LOOK_MS);
  }
}

/** It may have left, or ended, since the list was made. */
async function whereabouts(agent: Agent, name: string): Promise<Result | undefined> {
  const { containers, bus, runtime } = agent;
  if (!containers.has(name)) {
    const owner = (await bus.records.get(name))?.record.owner;
    return owner === undefined
      ? { outcome: 'gone', reason: 'it is undefined' }
      : { outcome: 'moved', target: owner };
  }
  const { state } = await runtime.status(name);
  return state === 'stopped' ? { outcome: 'gone', reason: 'it has ended' } : undefined;
}

async function ended({ jobs, clock }: Agent, job: string, isOver: () => boolean): Promise<Job> {
  for (;;) {
    const control = jobs.get(job);
    const { current } = control.tracker;
    if (current.state === 'ended') return current;
    if (current.queue && isOver()) control.abort('the evacuation is over');
    await clock.sleep(LOOK_MS);
  }
}

function resultOf({ job, outcome, target, stoppedAtMs, resumedAtMs, error }: Job): Result {
  const common = { job, target, stoppedAtMs, resumedAtMs, reason: error?.message };
  if (outcome === 'done') return { ...common, outcome: 'moved', reason: undefined };
  if (outcome === 'in-doubt' || outcome === 'lost') return { ...common, outcome: 'unknown' };
  return { ...common, outcome: 'failed' };
}
