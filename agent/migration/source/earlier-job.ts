import { GodwitError } from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import type { SourceMove } from './move.ts';
import { type MoveControl, serveJob } from './serve-job.ts';
import { trackEnd } from './track-end.ts';

/** A job of an earlier agent: over, or with a move that this agent brings to its end. */
export class EarlierJob implements MoveControl {
  readonly tracker: JobTracker;
  readonly move: SourceMove | undefined;
  private readonly agent: Agent;
  private serving: Stoppable | undefined;

  constructor(agent: Agent, tracker: JobTracker, move?: SourceMove) {
    this.agent = agent;
    this.tracker = tracker;
    this.move = move;
  }

  /** Answers for it. */
  async accept(): Promise<void> {
    this.agent.jobs.add(this);
    this.serving = await serveJob(this.agent, this);
  }

  /** Brings its move to an end; the container is busy until then. */
  async recover(): Promise<void> {
    const { agent, move, tracker } = this;
    if (!move) return;
    const release = agent.containers.claim(move.container, tracker.current.job);
    move.recover();
    trackEnd(tracker, await move.ended, move);
    release();
    agent.sweep(move.container);
  }

  async close(): Promise<void> {
    await this.serving?.stop();
  }

  abort(reason: string): void {
    if (this.move && this.tracker.current.state === 'running') return this.move.abort(reason, 'aborted');
    throw this.over();
  }

  adjust(): void {
    throw this.over();
  }

  private over(): GodwitError {
    const { job, state, outcome } = this.tracker.current;
    return new GodwitError('JOB_STATE', { job, state: outcome ?? state, problem: 'nothing moves any more' });
  }
}
