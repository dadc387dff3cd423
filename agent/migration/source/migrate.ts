import { GodwitError, type MigrateReply, type MigrateRequest } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { MoveJob } from './job.ts';
import { findPlace } from './place.ts';

/**
 * Accepts a move and runs it as a job, or, as a dry run, answers what both ends say of it.
 * @param id of the job; a target may have promised something to it already
 * @throws GodwitError CONTAINER_BUSY, CONTAINER_STATE, USAGE; a dry run also what finding a place throws
 */
export async function migrateContainer(
  agent: Agent,
  name: string,
  request: MigrateRequest,
  id = agent.random.id(),
): Promise<Omit<MigrateReply, 'type'>> {
  const { config, containers, runtime } = agent;
  const owned = containers.get(name);
  if (request.target === config.node)
    throw new GodwitError('USAGE', { problem: `'${name}' is on ${config.node} already` });
  // A container that moves is frozen for a while; that it is busy says more.
  const holder = containers.holder(name);
  if (holder && !request.dryRun) throw new GodwitError('CONTAINER_BUSY', { container: name, job: holder });
  const { state } = await runtime.status(name);
  if (state !== 'running')
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'running' });
  if (request.dryRun) return dryRun(agent, name, request);

  const job = MoveJob.begin(agent, owned, request, id);
  await job.accept();
  const { tracker } = job;
  return {
    container: name,
    source: config.node,
    target: request.target ?? '',
    mode: request.mode ?? owned.spec.policy.mode,
    modeReason: tracker.current.modeReason,
    job: tracker.current.job,
  };
}

async function dryRun(
  agent: Agent,
  name: string,
  request: MigrateRequest,
): Promise<Omit<MigrateReply, 'type'>> {
  const owned = agent.containers.get(name);
  const { plan, choice, refusals, source } = await findPlace(agent, {
    job: agent.random.id(),
    owned,
    request,
  });
  return {
    container: name,
    source: agent.config.node,
    target: plan.target,
    mode: plan.mode,
    modeReason: plan.modeReason,
    preflight: {
      source,
      target: plan.targetCapabilities,
      refusals: [...refusals],
      predictedDowntimeMs: choice.predictedDowntimeMs,
      predictedExposureMs: choice.predictedExposureMs,
      memoryBytes: plan.memoryBytes,
    },
  };
}
