import {
  type Evacuation,
  type EvacuationEffect,
  type EvacuationEvent,
  evacuationStep,
  GodwitError,
  recoverEvacuation,
} from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../../migration/agent.ts';
import { type MoveControl, serveJob } from '../../migration/source/serve-job.ts';
import { type Manner, moveOne } from './move-one.ts';
import { silentTargets } from './silent-targets.ts';

/** What an evacuation is asked to be. */
export interface EvacuationWish {
  readonly evacuation: Evacuation;
  /** One sentence for `job show`. */
  readonly reason: string;
  readonly manner: Manner;
}

/** One evacuation of this node, from its acceptance to its end; what it decides is the core's business. */
export class EvacuationJob implements MoveControl {
  readonly move = undefined;
  readonly tracker: JobTracker;
  private readonly agent: Agent;
  private readonly manner: Manner;
  private state: Evacuation;
  private serving: Stoppable | undefined;
  private cancelWake: () => void = () => {};
  private finishing = false;

  static begin(agent: Agent, { evacuation, reason, manner }: EvacuationWish): EvacuationJob {
    const { config, random, clock, publish, jobs } = agent;
    const tracker = JobTracker.begin(
      {
        kind: 'evacuate',
        job: random.id(),
        container: '',
        node: config.node,
        source: config.node,
        target: '',
        mode: 'cold',
        modeReason: reason,
        evacuation: { ...evacuation, ...manner },
      },
      { clock, publish, keep: (job) => jobs.keep(job) },
    );
    return new EvacuationJob(agent, tracker, evacuation, manner);
  }

  /** Goes on with one that an earlier agent left. */
  static recover(agent: Agent, tracker: JobTracker): EvacuationJob {
    const left: Evacuation & Manner = tracker.current.evacuation ?? {
      parallel: 1,
      deadlineAtMs: 0,
      items: [],
    };
    const { maxExposureMs, unsafe } = left;
    return new EvacuationJob(agent, tracker, recoverEvacuation(left), { maxExposureMs, unsafe });
  }

  private constructor(agent: Agent, tracker: JobTracker, state: Evacuation, manner: Manner) {
    this.agent = agent;
    this.tracker = tracker;
    this.state = state;
    this.manner = manner;
  }

  /** Answers for the job from now on, and goes to work; the node takes nothing until somebody uncordons it. */
  async accept(): Promise<void> {
    const { agent } = this;
    agent.node.state = 'draining';
    agent.jobs.add(this);
    this.serving = await serveJob(agent, this);
    this.feed({ kind: 'look', nowMs: agent.clock.nowMs() });
  }

  async close(): Promise<void> {
    this.cancelWake();
    await this.serving?.stop();
  }

  abort(): void {
    if (this.tracker.current.state === 'ended') throw this.late('it has ended already');
    this.feed({ kind: 'abort', nowMs: this.agent.clock.nowMs() });
  }

  adjust(): void {
    throw this.late('its moves can be changed, each by its own job');
  }

  private feed(event: EvacuationEvent): void {
    const { state, effects } = evacuationStep(this.state, event);
    this.cancelWake();
    this.state = state;
    this.tracker.set({ evacuation: { ...state, ...this.manner } });
    const settled = state.items.filter((item) => item.state !== 'waiting' && item.state !== 'moving').length;
    if (event.kind !== 'look' || effects.some(({ kind }) => kind === 'move'))
      this.tracker.phase(`${settled} of ${state.items.length}`);
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: EvacuationEffect): void {
    const { clock } = this.agent;
    if (effect.kind === 'end') return this.finish();
    if (effect.kind === 'wake') {
      const look = () => this.feed({ kind: 'look', nowMs: clock.nowMs() });
      this.cancelWake = clock.after(Math.max(1, effect.atMs - clock.nowMs()), look);
      return;
    }
    const { container } = effect;
    const { deadlineAtMs } = this.state;
    const bounds = { deadlineAtMs, isOver: () => this.state.over !== undefined };
    void moveOne(this.agent, container, bounds, this.manner).then((result) =>
      this.feed({ kind: 'ended', container, nowMs: clock.nowMs(), ...result }),
    );
  }

  /** What was moved is reported as moved only where it can be asked for. */
  private finish(): void {
    if (this.finishing || this.tracker.current.state === 'ended') return;
    this.finishing = true;
    void silentTargets(this.agent, this.state.items).then((silent) => {
      for (const { node, containers } of silent)
        this.feed({ kind: 'silent', node, containers, nowMs: this.agent.clock.nowMs() });
      this.end();
    });
  }

  private end(): void {
    const { items, over } = this.state;
    const left = items.filter(({ state }) => state === 'stays' || state === 'unknown');
    const { node } = this.agent.config;
    this.agent.node.state = 'cordoned';
    if (left.length === 0 && over === undefined) return this.tracker.end('done');
    const names = left.map(({ container }) => container);
    const error = new GodwitError('EVACUATION_INCOMPLETE', {
      node,
      left: names.length,
      containers: names.join(', '),
    });
    this.tracker.end(over ?? 'refused', error.toWire());
  }

  private late(problem: string): GodwitError {
    const { job, outcome, progress } = this.tracker.current;
    return new GodwitError('JOB_STATE', { job, state: outcome ?? progress.phase, problem });
  }
}
