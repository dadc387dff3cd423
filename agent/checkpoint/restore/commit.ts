import { decode } from '../../../protocol/codec.ts';
import { copiedDirs } from '../../../protocol/domain/mod.ts';
import { type ContainerRecord, GodwitError, HandOverReply, LIMITS } from '../../../protocol/mod.ts';
import type { CasResult, Versioned } from '../../bus/bus.ts';
import type { Agent } from '../../migration/agent.ts';
import { inodesOf } from '../../preflight/rootfs.ts';
import type { RestorePlan } from './plan.ts';

/** Between two tries on a store that does not answer. */
const RETRY_MS = 500;
/** Answers of an owner that has not handed the container over. */
const DENIED: readonly string[] = ['CONTAINER_STATE', 'CONTAINER_BUSY', 'RECORD_CONFLICT', 'MESSAGE_INVALID'];

/** What a decision is about. */
type Decided = Pick<RestorePlan, 'spec' | 'xml' | 'before'>;
type Deciding = Pick<Agent, 'bus' | 'subjects' | 'clock' | 'config'>;

/**
 * The one change of the record that lets the container run here. Its tasks are built and held; they run after this has
 * resolved, and never when it throws. As long as the store does not say which, it goes on asking.
 * @throws GodwitError RECORD_CONFLICT, STORE_UNAVAILABLE, OWNER_SILENT, CONTAINER_BUSY, CONTAINER_STATE, CONTAINER_EXISTS
 */
export async function commitRestore(agent: Deciding, job: string, plan: RestorePlan): Promise<Versioned> {
  const { before } = plan;
  if (!before) return create(agent, plan);
  if (plan.way === 'take-over') return takeOver(agent, job, plan, before);
  const next = restoredRecord(agent, plan);
  const result = await tried(() => agent.bus.records.update(next, before.revision, LIMITS.recordPatienceMs));
  if (result.status === 'ok') return { record: next, revision: result.revision };
  if (result.status === 'conflict') throw conflict(plan);
  return settled(agent, plan, before, result.problem);
}

/** The record of the container once it runs here. */
export function restoredRecord({ config }: Deciding, { spec, xml, before }: Decided): ContainerRecord {
  const changes = before !== undefined && before.record.owner !== config.node;
  return {
    type: 'io.godwit.v1.record',
    name: spec.name,
    uuid: spec.uuid,
    owner: config.node,
    epoch: (before?.record.epoch ?? 1) + (changes ? 1 : 0),
    phase: 'running',
    spec: xml,
  };
}

/**
 * Whether a change that may have been sent, perhaps by an agent that has died since, was made: nobody can make it afterwards.
 * Undefined: it was not.
 */
export async function wasCommitted(agent: Deciding, plan: Decided): Promise<Versioned | undefined> {
  const { bus, clock, config } = agent;
  const { before, spec } = plan;
  for (;;) {
    // Written again as it is: whatever was on its way at this revision loses.
    const fence = before ? await tried(() => bus.records.update(before.record, before.revision)) : undefined;
    if (fence?.status === 'ok') return undefined;
    if (fence?.status !== 'unknown') {
      const seen = await bus.records.get(spec.name).catch(() => null);
      if (seen !== null && (before === undefined || (seen?.revision ?? 0) > before.revision)) {
        const { owner, epoch, phase } = restoredRecord(agent, plan);
        const record = seen?.record;
        const ours = record?.owner === owner && record.epoch === epoch && record.phase === phase;
        return ours && owner === config.node ? seen : undefined;
      }
    }
    await clock.sleep(RETRY_MS);
  }
}

async function settled(
  agent: Deciding,
  plan: RestorePlan,
  { record }: Versioned,
  problem: string,
): Promise<Versioned> {
  const seen = await wasCommitted(agent, plan);
  if (seen) return seen;
  throw new GodwitError('STORE_UNAVAILABLE', {
    problem: `no answer to a change of '${record.name}': ${problem}`,
  });
}

/** Only the owner knows whether the container runs there, so the owner makes the change. */
async function takeOver(
  agent: Deciding,
  job: string,
  plan: RestorePlan,
  before: Versioned,
): Promise<Versioned> {
  const { bus, subjects, config } = agent;
  const { spec, xml } = plan;
  const subject = subjects.container(spec.name, 'hand-over');
  const request = {
    type: 'io.godwit.v1.container.hand-over.request',
    job,
    to: config.node,
    revision: before.revision,
    spec: xml,
    brought:
      plan.found.manifest.trees.length > 0 ? await inodesOf(copiedDirs(spec).map(({ root }) => root)) : {},
  };
  try {
    const reply = await bus.request(subject, request, { timeoutMs: LIMITS.recordPatienceMs });
    const { revision } = decode(HandOverReply, subject, reply);
    return { record: restoredRecord(agent, plan), revision };
  } catch (error) {
    if (!(error instanceof GodwitError) || DENIED.includes(error.code)) throw error;
    return settled(agent, plan, before, error.message);
  }
}

async function create(agent: Deciding, plan: RestorePlan): Promise<Versioned> {
  const { bus, clock, config } = agent;
  const record = restoredRecord(agent, plan);
  for (;;) {
    const result = await tried(() => bus.records.create(record));
    if (result.status === 'ok') return { record, revision: result.revision };
    // Its own try before may have made it: nobody else on this node can, as long as the name is claimed.
    const seen = await bus.records.get(record.name).catch(() => undefined);
    if (seen?.record.owner === config.node && seen.record.uuid === record.uuid) return seen;
    if (seen) throw new GodwitError('CONTAINER_EXISTS', { container: record.name, node: seen.record.owner });
    await clock.sleep(RETRY_MS);
  }
}

function conflict({ spec }: RestorePlan): GodwitError {
  return new GodwitError('RECORD_CONFLICT', { container: spec.name });
}

/** A store that takes nothing now is asked again like one whose answer is missing: neither is a verdict. */
async function tried(action: () => Promise<CasResult>): Promise<CasResult> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof GodwitError) return { status: 'unknown', problem: error.message };
    throw error;
  }
}
