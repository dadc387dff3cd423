/** What counts of a checkpoint when it is decided what is kept. */
export interface Dated {
  readonly id: string;
  readonly createdAtMs: number;
  /** What it builds on: kept as long as it is. */
  readonly parent?: string | undefined;
}

/** What is kept; without a bound everything is. */
export interface Retention {
  /** So many of the newest. */
  readonly keep?: number | undefined;
  /** None that is older. */
  readonly maxAgeMs?: number | undefined;
}

/**
 * The checkpoints that may go, newest first: none before what builds on it. The newest one of all always stays: it is what there is to go
 * back to. Pure.
 */
export function surplus<One extends Dated>(all: readonly One[], rule: Retention, nowMs: number): One[] {
  const newestFirst = [...all].sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
  const { keep = Number.POSITIVE_INFINITY, maxAgeMs = Number.POSITIVE_INFINITY } = rule;
  const isKept = (one: One, index: number) =>
    index === 0 || (index < keep && nowMs - one.createdAtMs <= maxAgeMs);
  const needed = new Set(newestFirst.filter(isKept).map(({ id }) => id));
  const byId = new Map(all.map((one) => [one.id, one]));
  for (const id of needed) {
    const parent = byId.get(id)?.parent;
    if (parent !== undefined) needed.add(parent);
  }
  return newestFirst.filter(({ id }) => !needed.has(id));
}

/** True when a container whose newest checkpoint is from then is to have another one. Pure. */
export function isDue(everyMs: number, lastMs: number | undefined, nowMs: number): boolean {
  // A clock that was set back must not end the schedule.
  return lastMs === undefined || nowMs - lastMs >= everyMs || lastMs > nowMs + everyMs;
}
