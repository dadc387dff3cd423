import { decode } from '../../../protocol/codec.ts';
import { EXCHANGES, hasRounds } from '../../../protocol/mod.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import type { SourceCopy } from './copy.ts';
import { Precopy, type PrecopyFigures } from './precopy.ts';
import type { Plan, Way } from './words.ts';

/** How long the target may take to start what the final dump needs. */
const SWITCH_MS = 45_000;

/** Everything of a move before its claim: streams, rounds, and the target made ready for the final dump. */
export class WayFinder {
  private readonly agent: Agent;
  private readonly plan: Plan;
  private readonly tracker: JobTracker;
  private precopy: Precopy | undefined;
  /** Memory that will have been sent after the next round or the final dump, as far as rounds tell it. */
  expectedBytes = 0;

  constructor(agent: Agent, plan: Plan, tracker: JobTracker) {
    this.agent = agent;
    this.plan = plan;
    this.tracker = tracker;
  }

  /**
   * Resolves when nothing but the final dump is left to do; the container has run all the time.
   * @throws GodwitError TRANSFER_FAILED, HOST_FAILED, RUNTIME_FAILED, DUMP_FAILED, NOT_CONVERGING
   */
  async find(copy: SourceCopy, targetGone: () => void): Promise<Way> {
    const { plan, tracker } = this;
    await copy.open(targetGone);
    await copy.rootfs?.passes();
    if (!hasRounds(plan.mode)) return { mode: plan.mode, rounds: 0 };
    this.precopy = new Precopy({
      container: plan.owned.record.name,
      mode: plan.mode,
      goal: plan.goal,
      model: plan.model,
      memoryBytes: plan.memoryBytes,
      bandwidthBytesPerSecond: plan.request.bandwidthBytesPerSecond,
      round: (index) => copy.round(index),
      throttle: (share) => copy.throttle(share),
      began: (index) => {
        tracker.phase(`round ${index}`);
        tracker.progress({ round: index });
      },
      told: (figures) => this.told(figures, copy.meters.memory.bytes),
    });
    const way = await this.precopy.run();
    if (way.rounds > 0) await copy.rootfs?.pass();
    await this.switchTarget(way);
    tracker.set({ mode: way.mode });
    return way;
  }

  /** A new wish of the operator; counts as long as rounds go on. */
  adjust(changes: Parameters<Precopy['adjust']>[0]): void {
    this.precopy?.adjust(changes);
  }

  private told({ rounds, reason, restBytes, ...figures }: PrecopyFigures, sentBytes: number): void {
    const { agent, plan, tracker } = this;
    agent.log.info({ job: plan.job, round: rounds.at(-1), reason }, 'a round is over');
    tracker.set({ rounds, modeReason: `${plan.modeReason}; after round ${rounds.length}: ${reason}` });
    if (restBytes !== undefined) this.expectedBytes = sentBytes + restBytes;
    tracker.progress(figures);
  }

  private async switchTarget(way: Way): Promise<void> {
    const { agent, plan, tracker } = this;
    const subject = agent.subjects.node(plan.target, 'switch');
    const body = { type: 'io.godwit.v1.node.switch.request', job: plan.job, ...way };
    tracker.phase('switch');
    await agent.faults.at('source.switch', plan.job);
    const reply = await agent.bus.request(subject, body, { timeoutMs: SWITCH_MS });
    decode(EXCHANGES.node.switch.reply, subject, reply);
  }
}
