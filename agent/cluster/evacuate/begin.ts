import {
  type EvacuateReply,
  type EvacuateRequest,
  evacuationOf,
  GodwitError,
  type Leaving,
} from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { holdAuction } from '../auction/hold.ts';
import { EvacuationJob } from './job.ts';

/**
 * Empties this node: takes nothing any more, and moves what runs here to wherever an auction finds a place. A dry run says where
 * each would go now.
 * @throws GodwitError JOB_STATE when the node is being evacuated already
 */
export async function evacuateNode(
  agent: Agent,
  request: EvacuateRequest,
): Promise<Omit<EvacuateReply, 'type'>> {
  const { config, clock, jobs } = agent;
  const running = jobs.list().find(({ kind, state }) => kind === 'evacuate' && state === 'running');
  if (running)
    throw new GodwitError('JOB_STATE', {
      job: running.job,
      state: running.progress.phase,
      problem: `${config.node} is being evacuated already`,
    });
  const { parallel, deadlineMs, reason, maxExposureMs, automatic, unsafe } = request;
  const deadlineAtMs = clock.nowMs() + deadlineMs;
  const evacuation = evacuationOf(await leaving(agent, automatic), { parallel, deadlineAtMs });
  if (request.dryRun) return { node: config.node, plan: await planOf(agent, evacuation.items) };
  const job = EvacuationJob.begin(agent, { evacuation, reason, manner: { maxExposureMs, unsafe } });
  await job.accept();
  return {
    node: config.node,
    job: job.tracker.current.job,
    plan: evacuation.items.map(({ container }) => ({ container, refusals: [] })),
  };
}

/** What runs here. @param automatic nobody asked for it: those stay whose description says so */
async function leaving({ containers, runtime }: Agent, automatic: boolean): Promise<Leaving[]> {
  const found: Leaving[] = [];
  for (const { record, spec } of containers.list()) {
    const { placement } = spec.policy;
    if (record.phase === 'stopped' || (automatic && placement?.evacuate === false)) continue;
    const stats = await runtime.stats(record.name).catch(() => undefined);
    if (!stats) continue;
    const group = placement?.group;
    found.push({
      container: record.name,
      memoryBytes: stats.memoryBytes,
      ...(group === undefined ? {} : { group }),
    });
  }
  return found;
}

async function planOf(agent: Agent, items: readonly Leaving[]): Promise<EvacuateReply['plan']> {
  const plan: EvacuateReply['plan'] = [];
  for (const { container } of items) {
    const owned = agent.containers.get(container);
    const { entries } = await holdAuction(agent, { auction: agent.random.id(), owned, dryRun: true });
    const [best] = entries;
    if (best?.score !== undefined)
      plan.push({ container, target: best.node, score: best.score, refusals: [] });
    else plan.push({ container, refusals: entries.flatMap(({ refusals }) => refusals) });
  }
  return plan;
}
