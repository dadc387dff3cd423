import { GodwitError, type Job, type Side } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import type { Agent } from './agent.ts';
import { withoutJob } from './moving-record.ts';

/** Between two tries, which read the record afresh. */
const AGAIN_MS = 200;

/**
 * Settles a move of which no memory is kept: its record leaves it, stopped, as one side's. Whatever is frozen of it on a node
 * dies there when that node sees the record.
 * @param force also one that is not in doubt, and not lost: its target is dead for good
 * @throws GodwitError JOB_STATE when the record says otherwise, STORE_UNAVAILABLE when it is not known whether it was changed
 */
export async function resolveRecord(
  { bus, clock }: Pick<Agent, 'bus' | 'clock'>,
  { job, container, source, target }: Pick<Job, 'job' | 'container' | 'source' | 'target'>,
  keep: Side,
  force: boolean,
): Promise<Versioned> {
  for (;;) {
    const seen = await bus.records.get(container);
    const { record } = seen ?? {};
    const open = record?.phase === 'in-doubt' || record?.phase === 'lost' || force;
    if (!seen || !record || record.owner !== target || record.job?.id !== job || !open) {
      const state = record ? `${record.phase} at ${record.owner}` : 'gone';
      throw new GodwitError('JOB_STATE', { job, state, problem: 'there is nothing to decide' });
    }
    const stopped = { ...withoutJob(record), phase: 'stopped' } as const;
    const next = keep === 'target' ? stopped : { ...stopped, owner: source, epoch: record.epoch + 1 };
    const result = await bus.records.update(next, seen.revision);
    if (result.status === 'ok') return { record: next, revision: result.revision };
    if (result.status === 'unknown') throw new GodwitError('STORE_UNAVAILABLE', { problem: result.problem });
    await clock.sleep(AGAIN_MS);
  }
}
