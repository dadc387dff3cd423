import { GodwitError, type Job, type Outcome, toGodwitError, type WireError } from '../../protocol/mod.ts';
import type { Stoppable } from '../bus/bus.ts';
import { JobTracker } from '../jobs/tracker.ts';
import type { Agent } from '../migration/agent.ts';
import { criuLines } from '../migration/criu-lines.ts';
import { type MoveControl, serveJob } from '../migration/source/serve-job.ts';

/** Errors that mean: nothing was touched. */
const REFUSALS: ReadonlySet<string> = new Set([
  'CHECKPOINT_REFUSED',
  'CONTAINER_STATE',
  'CONTAINER_EXISTS',
  'CHECKPOINT_NOT_FOUND',
  'CHECKPOINT_DAMAGED',
  'OWNER_SILENT',
]);

/** What is asked of this node and its store. */
export interface StoreWish {
  readonly kind: Exclude<Job['kind'], 'migrate' | 'evacuate'>;
  /** The container that is busy with it. */
  readonly container: string;
  /** One sentence for `job show`. */
  readonly how: string;
  readonly timeoutMs: number;
}

/** The job as its work sees it. */
export interface StoreWork {
  readonly job: string;
  readonly tracker: JobTracker;
  /** Aborted when the job is to end; work that hears of it undoes what it did and throws the reason. */
  readonly signal: AbortSignal;
  /** Nobody can end it from now on. */
  readonly decide: () => void;
}

/** A checkpoint or a restore as others can ask of it: from its acceptance to its end. */
export class StoreJob implements MoveControl {
  readonly move = undefined;
  readonly tracker: JobTracker;
  private readonly agent: Agent;
  private readonly wish: StoreWish;
  private readonly ending = new AbortController();
  private readonly release: () => void;
  private decided = false;
  private serving: Stoppable | undefined;

  /** Makes the container busy. @throws GodwitError CONTAINER_BUSY */
  constructor(agent: Agent, wish: StoreWish) {
    const { config, random, clock, publish, jobs, containers } = agent;
    const { kind, container, how: modeReason } = wish;
    const job = random.id();
    this.agent = agent;
    this.wish = wish;
    this.release = containers.claim(container, job);
    const place = { node: config.node, source: config.node, target: config.node };
    this.tracker = JobTracker.begin(
      { kind, job, container, ...place, mode: 'cold', modeReason },
      { clock, publish, keep: (kept) => jobs.keep(kept) },
    );
  }

  /** Answers for the job from now on, and goes to work; `over` resolves at its end. */
  async accept(work: (work: StoreWork) => Promise<void>): Promise<{ readonly over: Promise<void> }> {
    const { agent } = this;
    agent.jobs.add(this);
    this.serving = await serveJob(agent, this);
    const over = this.run(work).finally(() => {
      this.release();
      agent.sweep(this.wish.container);
    });
    return { over };
  }

  async close(): Promise<void> {
    await this.serving?.stop();
  }

  abort(problem: string): void {
    this.end(new GodwitError('JOB_ABORTED', { what: this.wish.kind, problem }));
  }

  adjust(): void {
    throw this.late('there is nothing to set');
  }

  private async run(work: (work: StoreWork) => Promise<void>): Promise<void> {
    const { agent, tracker, wish, ending } = this;
    const { job } = tracker.current;
    const { kind: what, timeoutMs } = wish;
    const cancel = agent.clock.after(timeoutMs, () => {
      if (!this.decided) ending.abort(new GodwitError('JOB_TIMEOUT', { what, timeoutMs }));
    });
    const decide = () => {
      ending.signal.throwIfAborted();
      this.decided = true;
    };
    try {
      await work({ job, tracker, signal: ending.signal, decide });
      tracker.end('done');
    } catch (error) {
      agent.log.warn({ job, err: error }, `the ${what} has failed`);
      const wire = toGodwitError(error).toWire();
      tracker.set({ log: criuLines(wire) });
      tracker.end(outcomeOf(wire), wire);
    } finally {
      cancel();
    }
  }

  private end(reason: GodwitError): void {
    if (this.tracker.current.state === 'ended') throw this.late('it has ended already');
    if (this.decided) throw this.late('it is decided and goes on');
    this.ending.abort(reason);
  }

  private late(problem: string): GodwitError {
    const { job, outcome, progress } = this.tracker.current;
    return new GodwitError('JOB_STATE', { job, state: outcome ?? progress.phase, problem });
  }
}

function outcomeOf({ code }: WireError): Outcome {
  if (code === 'JOB_ABORTED') return 'aborted';
  if (code === 'JOB_TIMEOUT') return 'timeout';
  return REFUSALS.has(code) ? 'refused' : 'failed';
}
