import {
  type Ending,
  GodwitError,
  type JobQueue,
  MigrateRequest,
  type Mode,
  type Outcome,
  toGodwitError,
} from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { Owned } from '../../containers/owned.ts';
import type { Ticket } from '../../jobs/departures.ts';
import { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import { memoryInPlace } from '../memory-in-place.ts';
import { modeAgain } from './again.ts';
import { SourceMove } from './move.ts';
import type { Offer } from './negotiate.ts';
import { partsOf } from './parts.ts';
import { busyNode, findPlace } from './place.ts';
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

/** Between two looks at a target that has enough to do; others do the same. */
const BUSY_MS = { least: 500, most: 1_500 };

/** One accepted move, from the wait for its turn and the search for a place to its end, as others can ask of it. */
export class MoveJob implements MoveControl {
  readonly tracker: JobTracker;
  private readonly agent: Agent;
  private readonly owned: Owned;
  private readonly request: MigrateRequest;
  private readonly id: string;
  private readonly release: () => void;
  private readonly ticket: Ticket;
  private serving: Stoppable | undefined;
  move: SourceMove | undefined;
  /** An abort that came before the move proper began; it ends the search for a place. */
  private early: { readonly reason: string; readonly outcome: 'aborted' | 'timeout' } | undefined;
  private readonly searching = new AbortController();

  /** A new one. @throws GodwitError CONTAINER_BUSY */
  static begin(agent: Agent, owned: Owned, request: MigrateRequest, job: string): MoveJob {
    const { config, clock, publish, jobs } = agent;
    const release = agent.containers.claim(owned.record.name, job);
    const wanted = request.mode ?? owned.spec.policy.mode;
    const start = {
      kind: 'migrate',
      job,
      container: owned.record.name,
      node: config.node,
      source: config.node,
      target: request.target ?? '',
      mode: (wanted === 'auto' ? 'cold' : wanted) satisfies Mode,
      modeReason: wanted === 'auto' ? 'not chosen yet' : 'asked for',
    } as const;
    const tracker = JobTracker.begin(start, { clock, publish, keep: (kept) => jobs.keep(kept) });
    return new MoveJob(agent, owned, request, tracker, release);
  }

  /** One that an earlier agent had not begun. @throws GodwitError CONTAINER_NOT_FOUND, CONTAINER_BUSY */
  static recover(agent: Agent, tracker: JobTracker): MoveJob {
    const { job, container, queue } = tracker.current;
    const owned = agent.containers.get(container);
    const request = MigrateRequest.parse(queue?.request);
    return new MoveJob(agent, owned, request, tracker, agent.containers.claim(container, job));
  }

  private constructor(
    agent: Agent,
    owned: Owned,
    request: MigrateRequest,
    tracker: JobTracker,
    release: () => void,
  ) {
    this.agent = agent;
    this.owned = owned;
    this.request = request;
    this.tracker = tracker;
    this.id = tracker.current.job;
    this.release = release;
    this.ticket = agent.departures.ticket((place) => this.placed(place));
  }

  /** Answers for the job from now on, and goes to work. */
  async accept(): Promise<void> {
    const { agent } = this;
    agent.jobs.add(this);
    this.serving = await serveJob(agent, this);
    void this.run().finally(() => {
      this.release();
      agent.sweep(this.owned.record.name);
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
    let cancel = () => {};
    try {
      await this.ticket.enter(this.searching.signal);
      // Those before it may take as long as they like.
      cancel = agent.clock.after(request.timeoutMs, () => this.timeOut());
      const ending = await this.work();
      trackEnd(tracker, ending, this.move);
    } catch (error) {
      const wire = toGodwitError(error).toWire();
      const outcome: Outcome = this.early?.outcome ?? (REFUSALS.has(wire.code) ? 'refused' : 'failed');
      agent.log.warn({ job: this.id, err: error }, 'the move could not begin');
      tracker.end(outcome, wire);
    } finally {
      cancel();
      this.ticket.leave();
    }
  }

  private async work(request = this.request, tries = 1): Promise<Ending> {
    const { agent, tracker } = this;
    tracker.phase('preflight');
    await agent.faults.at('source.search', this.id);
    await agent.containers.refresh(this.owned.record.name);
    const { plan, peer } = await this.searchPatiently(request);
    tracker.set({ target: plan.target, mode: plan.mode, modeReason: plan.modeReason });
    if (!peer)
      throw new GodwitError('INTERNAL', { problem: `${plan.target} refused nothing and reserved nothing` });
    this.move = await this.begin(plan, peer);
    this.move.start();
    if (this.early) this.move.abort(this.early.reason, this.early.outcome);
    const ending = await this.move.ended;
    if (ending.outcome === 'failed') agent.failures.add(plan.target, agent.clock.monotonicMs());
    if (ending.outcome === 'done') agent.pairs.learn(tracker.current, this.hadLessThanTheLink());
    const mode = modeAgain(ending, plan.mode, tries);
    if (!mode) return ending;
    agent.log.warn(
      { job: this.id, mode, err: ending.error },
      'the move failed of what it may not meet again: once more',
    );
    this.move = undefined;
    return this.work({ ...request, target: plan.target, mode }, tries + 1).catch((error) => {
      if (this.early) throw error;
      agent.log.warn({ job: this.id, err: error }, 'it could not begin once more');
      return ending;
    });
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

  /** The rate of a move that was limited, or had company, says little of the link. */
  private hadLessThanTheLink(): boolean {
    const { config, jobs } = this.agent;
    const limit = this.request.bandwidthBytesPerSecond ?? config.sendBytesPerSecond;
    return limit !== undefined || jobs.running() > 1;
  }

  private placed(place: number | undefined): void {
    if (place === undefined) this.tracker.set({ queue: undefined });
    else if (place !== this.tracker.current.queue?.place) this.waits({ place });
  }

  private waits(queue: Omit<JobQueue, 'request'>): void {
    const { tracker, request } = this;
    const known = tracker.current.queue !== undefined;
    tracker.set({ queue: { ...queue, request } });
    if (known) tracker.progress({});
    else tracker.phase('queued');
  }

  /** A place; while all that speaks against it is that a node has enough to do, others may go first. */
  private async searchPatiently(request: MigrateRequest): Promise<Offer> {
    const { agent, tracker, ticket } = this;
    const { signal } = this.searching;
    for (;;) {
      try {
        return await this.search(request);
      } catch (error) {
        const waitsFor = busyNode(error);
        if (waitsFor === undefined) throw error;
        ticket.leave();
        this.waits({ waitsFor });
      }
      const { least, most } = BUSY_MS;
      await agent.clock.sleep(least + agent.random.next() * (most - least), signal);
      await ticket.enter(signal);
      tracker.phase('preflight');
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
    let giveUp = () => {};
    const givenUp = new Promise<never>((_resolve, reject) => {
      giveUp = () => reject(signal.reason);
      signal.addEventListener('abort', giveUp, { once: true });
    });
    try {
      return await Promise.race([found, givenUp]);
    } catch (error) {
      if (signal.aborted)
        void found.then(({ plan, peer }) => peer && this.decline(plan.target)).catch(() => {});
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
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
