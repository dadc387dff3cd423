import { GodwitError, type Outcome } from '../../protocol/mod.ts';
import { openHooks } from '../criu/mod.ts';
import { freezeFile } from '../host/freeze.ts';
import { awaitProcesses, killProcesses } from '../host/named-processes.ts';
import { unmountTmpfs } from '../host/tmpfs.ts';
import type { JobTracker } from '../jobs/tracker.ts';
import type { Agent } from '../migration/agent.ts';
import { tmpfsOf } from '../migration/job-dir.ts';
import { Journal } from '../migration/journal.ts';
import { killUnheard } from '../migration/kill-unheard.ts';
import { letGo } from '../migration/source/held.ts';
import { type LeftWork, type RestoreNotes, restoreDir, type SaveNotes, saveDir } from './notes.ts';
import { recoverRestore } from './restore/left.ts';

/** How long a criu that was told to let its tasks go, or does so by itself, may take: killed, it leaves them in pieces. */
const END_MS = 60_000;
const AGAIN_MS = 2_000;

/** Brings to an end what an earlier agent has left half-done in the store or out of it, each beside the others. */
export function recoverStoreWork(
  agent: Agent,
  { saves, restores }: LeftWork,
  trackers: ReadonlyMap<string, JobTracker>,
): void {
  for (const notes of saves)
    void bringToEnd(agent, notes, saveDir(agent.config.runDir, notes.job), trackers, () =>
      recoverSave(agent, notes),
    );
  for (const notes of restores)
    void bringToEnd(agent, notes, restoreDir(agent.config.runDir, notes.job), trackers, () =>
      recoverRestore(agent, notes),
    );
}

/** Tried until it is done: nobody else would do it, and a container may stand still. */
async function bringToEnd(
  agent: Agent,
  notes: SaveNotes | RestoreNotes,
  dir: string,
  trackers: ReadonlyMap<string, JobTracker>,
  recover: () => Promise<'done' | 'undone'>,
): Promise<void> {
  const { log, config, containers, clock } = agent;
  const { job, container, side } = notes;
  log.warn({ job, container }, `an earlier agent has left a ${side}`);
  for (;;) {
    try {
      const done = await containers.exclusively(container, job, recover);
      await unmountTmpfs(agent.runner, tmpfsOf(dir));
      await new Journal(dir, notes, log).close();
      const problem = `the agent on ${config.node} restarted`;
      const error = new GodwitError('JOB_ABORTED', { what: side, problem });
      if (done === 'done') end(trackers.get(job), 'done');
      else end(trackers.get(job), 'failed', error);
      return agent.sweep(container);
    } catch (error) {
      log.error({ job, container, err: error }, `what is left of a ${side} could not be mended`);
      await clock.sleep(AGAIN_MS);
    }
  }
}

function end(tracker: JobTracker | undefined, outcome: Outcome, error?: GodwitError): void {
  if (tracker?.current.state === 'running') tracker.end(outcome, error?.toWire());
}

/** The tasks run on, unless the checkpoint is whole and they were being killed. Its draft is swept with the others. */
async function recoverSave(agent: Agent, notes: SaveNotes): Promise<'done' | 'undone'> {
  const { clock, runtime, containers } = agent;
  const { job, container, held, killing, leaveRunning, holds } = notes;
  const waits = !leaveRunning || holds === true;
  const dir = saveDir(agent.config.runDir, job);
  if (!held) return 'undone';
  if (killing) {
    await killUnheard(agent, container, held.cgroup);
    await killProcesses(dir);
    await runtime.sweep(container);
    await containers.change(container, (record) => ({ ...record, phase: 'stopped' }));
    return 'done';
  }
  const hooks = await openHooks({
    dir,
    held: waits ? ['post-dump'] : [],
    told: ['pre-dump'],
    ...(leaveRunning ? {} : { freeze: freezeFile(held.cgroup) }),
    clock,
    runner: agent.runner,
  });
  if (waits) await hooks.answer('post-dump', 'stop');
  if (!(await awaitProcesses(dir, clock, END_MS))) await killProcesses(dir);
  await hooks.close();
  await letGo(agent, job, held, []);
  return 'undone';
}
