import { z } from 'zod';
import type { EvacuationItem } from './evacuation.ts';

/** How long a group of containers was held up by an evacuation: a job of many ranks waits for each that stands still. */
export const GroupPause = z.object({
  group: z.string(),
  /** Members that have moved. */
  members: z.number().int(),
  /** Time in which at least one stood still. */
  pauseMs: z.number(),
  /** What they stood still for, added up: more than `pauseMs` where they did so together. */
  sumMs: z.number(),
});
export type GroupPause = z.infer<typeof GroupPause>;

/** The pauses of all groups with two members or more that have moved, by name. Pure. */
export function groupPauses(items: readonly EvacuationItem[]): GroupPause[] {
  const groups = new Map<string, (readonly [number, number])[]>();
  for (const { state, group, stoppedAtMs, resumedAtMs } of items) {
    if (state !== 'moved' || group === undefined || stoppedAtMs === undefined || resumedAtMs === undefined)
      continue;
    groups.set(group, [...(groups.get(group) ?? []), [stoppedAtMs, Math.max(stoppedAtMs, resumedAtMs)]]);
  }
  return [...groups]
    .filter(([, spans]) => spans.length > 1)
    .map(([group, spans]) => ({
      group,
      members: spans.length,
      pauseMs: unionMs(spans),
      sumMs: spans.reduce((sum, [from, to]) => sum + to - from, 0),
    }))
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}

function unionMs(spans: readonly (readonly [number, number])[]): number {
  let sum = 0;
  let endMs = Number.NEGATIVE_INFINITY;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, endMs));
    endMs = Math.max(endMs, to);
  }
  return sum;
}
