import { isDeepStrictEqual } from 'node:util';
import { type ContainerRecord, GodwitError } from '../../protocol/mod.ts';
import type { CasResult, Records, Versioned } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';

const ATTEMPTS = 3;
const PAUSE_MS = 200;
const UNDER_WAY = { status: 'unknown', problem: 'a write to the record is under way' } as const;

interface Settling {
  readonly records: Records;
  readonly clock: Clock;
}

/**
 * Creates a record, again while nobody says whether it was created; one that is there word for word is the one that was wished.
 * @throws GodwitError when the first try is refused: nothing was written
 */
export function createRecord({ records, clock }: Settling, record: ContainerRecord): Promise<CasResult> {
  return settle(clock, async () => {
    const created = await records.create(record);
    if (created.status !== 'conflict') return created;
    const seen = await records.get(record.name);
    if (!seen) return UNDER_WAY;
    return isDeepStrictEqual(seen.record, record) ? { status: 'ok', revision: seen.revision } : created;
  });
}

/**
 * Removes a record that was read at this revision, again while nobody says whether it was removed; one that is gone is removed,
 * also when another container has its name by now.
 * @throws GodwitError when the first try is refused: nothing was written
 */
export function removeRecord(
  { records, clock }: Settling,
  { record, revision }: Versioned,
): Promise<CasResult> {
  return settle(clock, async () => {
    const removed = await records.remove(record.name, revision);
    if (removed.status !== 'conflict') return removed;
    const seen = await records.get(record.name);
    if (seen?.record.uuid !== record.uuid) return { status: 'ok', revision };
    return seen.revision === revision ? UNDER_WAY : removed;
  });
}

/** The same write at the same revision settles the one before it, whatever became of that. */
async function settle(clock: Clock, write: () => Promise<CasResult>): Promise<CasResult> {
  let result = await write();
  for (let attempt = 1; attempt < ATTEMPTS && result.status === 'unknown'; attempt++) {
    await clock.sleep(PAUSE_MS);
    result = await write().catch((error: unknown): CasResult => {
      if (error instanceof GodwitError) return { status: 'unknown', problem: error.message };
      throw error;
    });
  }
  return result;
}
