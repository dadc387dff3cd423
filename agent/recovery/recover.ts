import { type Job, type SourcePhase, toGodwitError } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import { findLeftWork } from '../checkpoint/notes.ts';
import { recoverStoreWork } from '../checkpoint/recover.ts';
import { EvacuationJob } from '../cluster/evacuate/job.ts';
import { JobTracker, type TrackerEffects } from '../jobs/tracker.ts';
import type { Agent } from '../migration/agent.ts';
import { EarlierJob } from '../migration/source/earlier-job.ts';
import { MoveJob } from '../migration/source/job.ts';
import { SourceMove } from '../migration/source/move.ts';
import type { SourceNotes } from '../migration/source/notes.ts';
import { leftParts } from '../migration/source/parts.ts';
import { TargetMove } from '../migration/target/move.ts';
import type { TargetNotes } from '../migration/target/notes.ts';
import { leftParts as arrivalParts } from '../migration/target/parts.ts';
import { endForgotten } from './forgotten-job.ts';
import { findLeftMoves } from './left-moves.ts';
import { finishRenames } from './left-renames.ts';
import { LeftTrees } from './left-trees.ts';
import { RECONCILE, reconcileAll } from './reconcile-all.ts';

const NOTHING_FROZEN: readonly SourcePhase[] = ['preparing', 'claiming', 'ended'];

/**
 * Goes on with what an earlier agent left: answers for its jobs again, brings its moves to an end by the rules of the
 * handover, and makes true what is left of others. Resolves when this node answers for what is its own.
 */
export async function recover(
  agent: Agent,
  kept: readonly Job[],
  records: readonly Versioned[],
): Promise<void> {
  const { clock, publish, jobs } = agent;
  const effects: TrackerEffects = { clock, publish, keep: (job) => jobs.keep(job) };
  const seen = (await finishRenames(agent)) ? await agent.bus.records.list() : records;
  const { leaving, arriving } = await findLeftMoves(agent);
  const work = await findLeftWork(agent);
  const stored = [...work.saves, ...work.restores];
  const moves = [...leaving, ...arriving].map(({ state }) => state.move.container);
  const moving = new Set([...moves, ...stored.map(({ container }) => container)]);
  const trees = new LeftTrees(agent, work.trees, moving);
  await reconcileAll(agent, seen, new Set([...moving, ...trees.containers]));
  const byJob = new Map(leaving.map((notes) => [notes.plan.job, notes]));
  const trackers = new Map(kept.map((job) => [job.job, new JobTracker(job, effects)]));
  for (const notes of leaving) {
    const { job } = notes.plan;
    const tracker = trackers.get(job) ?? new JobTracker(jobOf(notes, clock.nowMs()), effects);
    trackers.set(job, tracker);
    // Said before it is asked: the target gives the container up when nobody holds a copy.
    if (!NOTHING_FROZEN.includes(notes.state.phase)) tracker.set({ frozenCopy: true });
  }
  const evacuations = [...trackers.values()].filter(({ current }) => isOpenEvacuation(current));
  const isQueued = ({ job, state, queue, container }: Job) =>
    state === 'running' &&
    queue &&
    !byJob.has(job) &&
    !moving.has(container) &&
    agent.containers.has(container);
  const queued = [...trackers.values()].filter(({ current }) => isQueued(current));
  const others = [...trackers].filter(([, { current }]) => !isOpenEvacuation(current) && !isQueued(current));
  const earlier = others.map(([job, tracker]) => {
    const notes = byJob.get(job);
    return new EarlierJob(agent, tracker, notes && new SourceMove(agent, leftParts(agent, notes, tracker)));
  });
  await Promise.all(earlier.map((job) => job.accept()));
  const resumed = new Set(stored.map(({ job }) => job));
  for (const { tracker, move } of earlier)
    if (!move && !resumed.has(tracker.current.job)) endForgotten(agent, tracker);
  for (const notes of arriving) recoverArrival(agent, notes);
  for (const job of earlier) void job.recover();
  recoverStoreWork(agent, work, trackers);
  trees.recover();
  const isHeld = ({ current }: JobTracker) => trees.containers.includes(current.container);
  // Beside the start: directories may take many minutes, and so may a store that does not answer.
  for (const tracker of queued.filter(isHeld)) void recoverQueued(agent, tracker);
  for (const tracker of queued) if (!isHeld(tracker)) await recoverQueued(agent, tracker);
  for (const tracker of evacuations) await EvacuationJob.recover(agent, tracker).accept();
}

/** In their order; one that cannot be taken up again ends, and keeps nobody else from going on. */
async function recoverQueued(agent: Agent, tracker: JobTracker): Promise<void> {
  const { containers } = agent;
  const { job, container } = tracker.current;
  while (containers.holder(container) === RECONCILE) await containers.released(container);
  try {
    await MoveJob.recover(agent, tracker).accept();
  } catch (error) {
    agent.log.warn({ job, container, err: error }, 'a queued move could not be taken up again');
    tracker.end('failed', toGodwitError(error).toWire());
  }
}

function isOpenEvacuation({ kind, state }: Job): boolean {
  return kind === 'evacuate' && state === 'running';
}

function recoverArrival(agent: Agent, notes: TargetNotes): void {
  const { arriving, log } = agent;
  const { job } = notes.state.move;
  const move = new TargetMove(agent, arrivalParts(agent, notes));
  log.warn({ job, container: move.container }, 'goes on with a move that an earlier agent left');
  arriving.set(job, move);
  void move.ended.then(() => {
    arriving.delete(job);
    agent.sweep();
  });
  move.recover();
}

/** A job whose own file is gone, as far as its notes tell it. */
function jobOf({ plan, state }: SourceNotes, nowMs: number): Job {
  const { job, mode, modeReason } = plan;
  const { container, source, target } = state.move;
  return {
    type: 'io.godwit.v1.job',
    kind: 'migrate',
    job,
    container,
    node: source,
    source,
    target,
    mode,
    modeReason,
    state: 'running',
    startedAtMs: nowMs,
    progress: { phase: 'undo', bytes: 0, rateBytesPerSecond: 0 },
    phases: [],
    rounds: [],
    rootfsPasses: [],
    bytes: { memory: 0, images: 0, rootfs: 0 },
    log: [],
  };
}
