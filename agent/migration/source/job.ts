import {
  type Ending,
  GodwitError,
  hasRounds,
  type MigrateRequest,
  type Mode,
  type Outcome,
  toGodwitError,
  withoutRounds,
} from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { Owned } from '../../containers/owned.ts';
import { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import { memoryInPlace } from '../memory-in-place.ts';
import { SourceMove } from './move.ts';
import type { Offer } from './negotiate.ts';
import { partsOf } from './parts.ts';
import { findPlace } from './place.ts';
import { type MoveControl, serveJob } from './serve-job.ts';
import { trackEnd } from './track-end.ts';
import { givenUpError, type Peer, type Plan } from './words.ts';

/** Errors that mean: nothing was touched, the move cannot be. */
const REFUSALS: ReadonlySet<string> = new Set([
  'PREFLIGHT_REFUSED',
  'MODE_UNAVAILABLE',
  'NO_TARGET',
  'NODE_NOT_FOUND',
  'CONTAINER_STATE',
]);

/** One accepted move, from the search for a place to its end, as others can ask of it. */
export class MoveJob implements MoveControl {
  readonly tracker: JobTracker;
  private readonly agent: Agent;
  private readonly owned: Owned;
  private readonly request: MigrateRequest;
  private readonly id: string;
  private readonly release: () => void;
  private serving: Stoppable | undefined;
  move: SourceMove | undefined;
  /** An abort that came before the move proper began; it ends the search for a place. */
  private early: { readonly reason: string; readonly outcome: 'aborted' | 'timeout' } | undefined;
  private readonly searching = new AbortController();

  /** Makes the container busy with this job. @throws GodwitError CONTAINER_BUSY */
  constructor(agent: Agent, owned: Owned, request: MigrateRequest) {
    const { config, random, clock, publish, jobs } = agent;
    this.agent = agent;
    this.owned = owned;
    this.request = request;
    this.id = random.id();
    this.release = agent.containers.claim(owned.record.name, this.id);
    const wanted = request.mode ?? owned.spec.policy.mode;
    const start = {
      kind: 'migrate',
      job: this.id,
      container: owned.record.name,
      node: config.node,
      source: config.node,
      target: request.target ?? '',
      mode: (wanted === 'auto' ? 'cold' : wanted) satisfies Mode,
      modeReason: wanted === 'auto' ? 'not chosen yet' : 'asked for',
    } as const;
    this.tracker = JobTracker.begin(start, { clock, publish, keep: (job) => jobs.keep(job) });
  }

  /** Answers for the job from now on, and goes to work. */
  async accept(): Promise<void> {
    const { agent } = this;
    agent.jobs.add(this);
    this.serving = await serveJob(agent, this);
    void this.run().finally(() => {
      this.release();
      agent.sweep();
    });
  }

  async close(): Promise<void> {
    await this.serving?.stop();
  }

  abort(reason: string): void {
    this.giveUp('aborted', reason);
  }

  adjust(changes: {
    readonly maxDowntimeMs?: number | undefined;
    readonly bandwidthBytesPerSecond?: number | undefined;
  }): void {
    if (!this.move || this.tracker.current.state === 'ended') {
      const { state } = this.tracker.current;
      throw new GodwitError('JOB_STATE', { job: this.id, state, problem: 'nothing moves now' });
    }
    this.move.adjust(changes);
  }

  private giveUp(outcome: 'aborted' | 'timeout', reason: string): void {
    if (this.tracker.current.state === 'ended') {
      const { outcome: state } = this.tracker.current;
      throw new GodwitError('JOB_STATE', { job: this.id, state, problem: 'it has ended already' });
    }
    if (this.move) return this.move.abort(reason, outcome);
    this.early = { reason, outcome };
    this.searching.abort(givenUpError(outcome, reason, this.request.timeoutMs));
  }

  private async run(): Promise<void> {
    const { agent, tracker, request } = this;
    const cancel = agent.clock.after(request.timeoutMs, () => this.timeOut());
    try {
      const ending = await this.work();
      trackEnd(tracker, ending, this.move);
    } catch (error) {
      const wire = toGodwitError(error).toWire();
      const outcome: Outcome = this.early?.outcome ?? (REFUSALS.has(wire.code) ? 'refused' : 'failed');
      agent.log.warn({ job: this.id, err: error }, 'the move could not begin');
      tracker.end(outcome, wire);
    } finally {
      cancel();
    }
  }

  private async work(request = this.request): Promise<Ending> {
    const { agent, tracker } = this;
    tracker.phase('preflight');
    await agent.faults.at('source.search', this.id);
    await agent.containers.refresh(this.owned.record.name);
    const { plan, peer } = await this.search(request);
    tracker.set({ target: plan.target, mode: plan.mode, modeReason: plan.modeReason });
    if (!peer)
      throw new GodwitError('INTERNAL', { problem: `${plan.target} refused nothing and reserved nothing` });
    this.move = await this.begin(plan, peer);
    this.move.start();
    if (this.early) this.move.abort(this.early.reason, this.early.outcome);
    const ending = await this.move.ended;
    if (ending.outcome === 'failed') agent.failures.add(plan.target, agent.clock.monotonicMs());
    if (ending.outcome === 'done')
      agent.pairs.learn(tracker.current, request.bandwidthBytesPerSecond !== undefined);
    if (!brokenChain(ending) || !hasRounds(plan.mode)) return ending;
    agent.log.warn(
      { job: this.id, err: ending.error },
      'the chain of rounds is broken; once more without rounds',
    );
    this.move = undefined;
    return this.work({ ...request, target: plan.target, mode: withoutRounds(plan.mode) });
  }

  private async begin(plan: Plan, peer: Peer): Promise<SourceMove> {
    const { agent, tracker } = this;
    try {
      return new SourceMove(agent, partsOf(agent, plan, peer, tracker));
    } catch (error) {
      await this.decline(plan.target).catch(() => {});
      throw error;
    }
  }

  /** Nobody waits for a target that does not answer longer than the job may take. */
  private async search(request: MigrateRequest): Promise<Offer> {
    const { agent, owned, id } = this;
    const { signal } = this.searching;
    const { name } = owned.record;
    const found = memoryInPlace(agent, name).then(() => {
      signal.throwIfAborted();
      return findPlace(agent, { job: id, owned: agent.containers.get(name), request });
    });
    const givenUp = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      return await Promise.race([found, givenUp]);
    } catch (error) {
      if (signal.aborted)
        void found.then(({ plan, peer }) => peer && this.decline(plan.target)).catch(() => {});
      throw error;
    }
  }

  /** A reservation that nobody uses; without the word it would lapse by itself some time later. */
  private async decline(target: string): Promise<void> {
    const { bus, subjects } = this.agent;
    const body = { type: 'io.godwit.v1.node.abort.request', job: this.id, reason: 'nobody waits any more' };
    await bus.request(subjects.node(target, 'abort'), body);
  }

  private timeOut(): void {
    try {
      this.giveUp('timeout', 'its time is up');
    } catch (error) {
      this.agent.log.info({ job: this.id, err: error }, 'its time is up, but it is decided');
    }
  }
}

/** criu finds a page of an earlier round gone (criu#2995 and others); nothing but a dump without rounds helps. */
function brokenChain({ outcome, error }: Ending): boolean {
  return outcome === 'failed' && error !== undefined && /in parent pagemap/.test(JSON.stringify(error));
}
