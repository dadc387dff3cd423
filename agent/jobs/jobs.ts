import { GodwitError, type Job, LIMITS } from '../../protocol/mod.ts';
import type { JobStore } from './store.ts';
import type { JobTracker } from './tracker.ts';

/** What can be asked of a job while it runs. */
export interface JobControl {
  readonly tracker: JobTracker;
  /** Asks it to end; throws when it is too late. @throws GodwitError JOB_STATE */
  abort(reason: string): void;
  /** @throws GodwitError JOB_STATE */
  adjust(changes: {
    readonly maxDowntimeMs?: number | undefined;
    readonly bandwidthBytesPerSecond?: number | undefined;
  }): void;
  /** It is forgotten: nobody answers for it any more. */
  close(): Promise<void>;
}

/** The jobs this node runs or remembers, the newest `LIMITS.jobsKept` of them. */
export class Jobs {
  private readonly jobs = new Map<string, JobControl>();
  private readonly store: JobStore;

  constructor(store: JobStore) {
    this.store = store;
  }

  /** Takes a job as it is now for the time after this agent. */
  keep(job: Job): void {
    this.store.keep(job);
  }

  add(control: JobControl): void {
    this.jobs.set(control.tracker.current.job, control);
    const surplus = this.jobs.size - LIMITS.jobsKept;
    if (surplus <= 0) return;
    const ended = [...this.jobs].filter(([, kept]) => kept.tracker.current.state === 'ended');
    for (const [id, forgotten] of ended.slice(0, surplus)) {
      this.jobs.delete(id);
      void forgotten.close();
      void this.store.forget(id);
    }
  }

  list(): Job[] {
    return [...this.jobs.values()].map((control) => control.tracker.current);
  }

  /** Those at work that are about one container: an evacuation is made of them. */
  running(): number {
    const counts = ({ state, kind, queue }: Job) => state === 'running' && kind !== 'evacuate' && !queue;
    return this.list().filter(counts).length;
  }

  /** @throws GodwitError JOB_NOT_FOUND */
  get(job: string): JobControl {
    const found = this.jobs.get(job);
    if (!found) throw new GodwitError('JOB_NOT_FOUND', { job });
    return found;
  }
}
