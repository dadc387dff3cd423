import {
  type Job,
  type JobPhase,
  LIMITS,
  type Mode,
  type Outcome,
  type Progress,
  type WireError,
} from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { PublishEvent } from './events.ts';

/** How often a running job tells its progress, at most. */
const PROGRESS_GAP_MS = 250;

export interface JobStart {
  readonly kind: Job['kind'];
  readonly job: string;
  readonly container: string;
  readonly node: string;
  readonly source: string;
  readonly target: string;
  readonly mode: Mode;
  readonly modeReason: string;
  readonly evacuation?: Job['evacuation'];
}

/** Where a job's changes go. */
export interface TrackerEffects {
  readonly clock: Clock;
  readonly publish: PublishEvent;
  /** Takes the job for the time after this agent. */
  readonly keep: (job: Job) => void;
}

/** One job as it goes on: phases, progress, figures. Every change that matters is published. */
export class JobTracker {
  private job: Job;
  private readonly effects: TrackerEffects;
  private lastProgressMs = Number.NEGATIVE_INFINITY;

  static begin(start: JobStart, effects: TrackerEffects): JobTracker {
    const tracker = new JobTracker(
      {
        type: 'io.godwit.v1.job',
        ...start,
        state: 'running',
        startedAtMs: effects.clock.nowMs(),
        progress: { phase: 'preparing', bytes: 0, rateBytesPerSecond: 0 },
        phases: [],
        rounds: [],
        rootfsPasses: [],
        bytes: { memory: 0, images: 0, rootfs: 0 },
        log: [],
      },
      effects,
    );
    tracker.emit('accepted');
    return tracker;
  }

  /** Goes on with a job as an earlier agent left it. */
  constructor(job: Job, effects: TrackerEffects) {
    this.job = job;
    this.effects = effects;
  }

  get current(): Job {
    return this.job;
  }

  /** Begins a phase of this node; the one before it ends now. */
  phase(name: string): void {
    const nowMs = this.effects.clock.nowMs();
    const open = this.job.phases.map((phase) =>
      phase.node === this.job.node && phase.endMs === undefined ? { ...phase, endMs: nowMs } : phase,
    );
    this.set({
      phases: [...open, { name, node: this.job.node, startMs: nowMs }].slice(-LIMITS.jobPhases),
      progress: { ...this.job.progress, phase: name },
    });
    this.emit('phase');
  }

  /** Adds what the other side went through, already on this node's clock. */
  addPhases(phases: readonly JobPhase[]): void {
    const known = new Set(this.job.phases.map((phase) => `${phase.node} ${phase.name}`));
    const news = phases.filter((phase) => !known.has(`${phase.node} ${phase.name}`));
    this.set({ phases: [...this.job.phases, ...news].slice(-LIMITS.jobPhases) });
  }

  progress(progress: Partial<Progress>): void {
    this.set({ progress: { ...this.job.progress, ...progress } });
    const nowMs = this.effects.clock.monotonicMs();
    if (nowMs - this.lastProgressMs < PROGRESS_GAP_MS) return;
    this.lastProgressMs = nowMs;
    this.emit('progress');
  }

  set(changes: Partial<Job>): void {
    this.job = { ...this.job, ...changes };
  }

  /** The end, once. */
  end(outcome: Outcome, error?: WireError): void {
    const nowMs = this.effects.clock.nowMs();
    const phases = this.job.phases.map((phase) =>
      phase.endMs === undefined ? { ...phase, endMs: nowMs } : phase,
    );
    this.set({
      state: 'ended',
      queue: undefined,
      outcome,
      endedAtMs: nowMs,
      totalMs: nowMs - this.job.startedAtMs,
      phases,
      progress: { ...this.job.progress, phase: outcome },
      ...(error ? { error } : {}),
    });
    this.emit('ended');
  }

  /** Something about the container that people should know; also after the end. */
  remark(text: string): void {
    this.set({ warnings: [...(this.job.warnings ?? []), text].slice(-LIMITS.jobWarnings) });
    this.emit('remark');
  }

  private emit(event: 'accepted' | 'progress' | 'phase' | 'ended' | 'remark'): void {
    if (event !== 'progress') this.effects.keep(this.job);
    this.effects.publish('job', this.job.job, { type: 'io.godwit.v1.event.job', event, job: this.job } as {
      readonly type: string;
    });
  }
}
