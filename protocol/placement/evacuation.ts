import { z } from 'zod';

/**
 * Where one container of an evacuation is. `stays`: it found no place and runs on. `unknown`: its move is in doubt, or lost it, or
 * the node it went to does not answer.
 */
export const EvacuationItem = z.object({
  container: z.string(),
  memoryBytes: z.number(),
  group: z.string().optional(),
  state: z.enum(['waiting', 'moving', 'moved', 'stays', 'unknown', 'gone']),
  attempts: z.number().int(),
  /** Not tried again before: Unix milliseconds. */
  notBeforeMs: z.number(),
  target: z.string().optional(),
  /** The job of its last move. */
  job: z.string().optional(),
  /** When it stood still in that move: Unix milliseconds of the evacuated node. */
  stoppedAtMs: z.number().optional(),
  resumedAtMs: z.number().optional(),
  /** Why the last try failed. */
  reason: z.string().optional(),
});
export type EvacuationItem = z.infer<typeof EvacuationItem>;

/** An evacuation as it is written down: another agent can go on with it. Items are in the order of their moves. */
export const Evacuation = z.object({
  parallel: z.number().int().positive(),
  /** Unix milliseconds: nothing begins after it. */
  deadlineAtMs: z.number(),
  /** It was given up; what moves comes to its own end. */
  over: z.enum(['aborted', 'timeout']).optional(),
  items: z.array(EvacuationItem),
});
export type Evacuation = z.infer<typeof Evacuation>;

/** A container that is to leave. */
export type Leaving = Pick<EvacuationItem, 'container' | 'memoryBytes' | 'group'>;

export type EvacuationEvent =
  | { readonly kind: 'look'; readonly nowMs: number }
  | { readonly kind: 'abort'; readonly nowMs: number }
  | {
      readonly kind: 'ended';
      readonly nowMs: number;
      readonly container: string;
      readonly outcome: 'moved' | 'failed' | 'unknown' | 'gone';
      readonly target?: string | undefined;
      readonly job?: string | undefined;
      readonly stoppedAtMs?: number | undefined;
      readonly resumedAtMs?: number | undefined;
      readonly reason?: string | undefined;
    }
  /** A node that took these containers does not answer any more. */
  | {
      readonly kind: 'silent';
      readonly nowMs: number;
      readonly node: string;
      readonly containers: readonly string[];
    };

export type EvacuationEffect =
  | { readonly kind: 'move'; readonly container: string }
  /** Look again then: somebody may be tried once more, or the deadline is over. */
  | { readonly kind: 'wake'; readonly atMs: number }
  | { readonly kind: 'end' };

export interface EvacuationStep {
  readonly state: Evacuation;
  readonly effects: readonly EvacuationEffect[];
}

/** A container is tried so often, with growing pauses: another move may have made room, or a node come back. */
export const ATTEMPTS = 3;
const PAUSE_MS = 2_000;
const PAUSE_FACTOR = 4;

/**
 * A new evacuation. The smallest go first: least can go wrong with them, and each makes room for moving the rest. Members of a
 * group follow each other, `parallel` at a time: a job of many ranks, all of which wait for the one that stands still, is done after its own
 * moves, divided by `parallel`, and not more than one move beside them; sorted by size, those that stand still together do so for
 * about as long as each other.
 */
export function evacuationOf(
  leaving: readonly Leaving[],
  limits: { readonly parallel: number; readonly deadlineAtMs: number },
): Evacuation {
  const units = new Map<string, Leaving[]>();
  for (const one of leaving) {
    const unit = one.group === undefined ? `container ${one.container}` : `group ${one.group}`;
    units.set(unit, [...(units.get(unit) ?? []), one]);
  }
  const size = (unit: readonly Leaving[]) => unit.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  const items = [...units.values()]
    .map((unit) =>
      [...unit].sort((a, b) => a.memoryBytes - b.memoryBytes || compare(a.container, b.container)),
    )
    .sort((a, b) => size(a) - size(b) || compare(a[0]!.container, b[0]!.container))
    .flat()
    .map((one): EvacuationItem => ({ ...one, state: 'waiting', attempts: 0, notBeforeMs: 0 }));
  return { ...limits, items };
}

/** What an agent makes of an evacuation that another one has left: a move that it began is asked for again. */
export function recoverEvacuation(left: Evacuation): Evacuation {
  return setAll(left, (item) => (item.state === 'moving' ? { ...item, state: 'waiting' } : item));
}

/** How an evacuation goes on. Pure; never more than `parallel` moves at once, none after its deadline or its end. */
export function evacuationStep(before: Evacuation, event: EvacuationEvent): EvacuationStep {
  const { nowMs } = event;
  let state = event.kind === 'ended' ? ended(before, event) : before;
  if (event.kind === 'silent') state = doubt(state, event);
  if (event.kind === 'abort') state = giveUp(state, 'aborted', 'the evacuation was aborted');
  else if (nowMs >= state.deadlineAtMs) state = giveUp(state, 'timeout', 'the deadline is over');
  return begin(state, nowMs);
}

function ended(state: Evacuation, event: Extract<EvacuationEvent, { kind: 'ended' }>): Evacuation {
  const { container, outcome, target, job, stoppedAtMs, resumedAtMs, reason, nowMs } = event;
  return setAll(state, (item) => {
    if (item.container !== container || item.state !== 'moving') return item;
    const attempts = item.attempts + 1;
    const after = {
      ...item,
      attempts,
      ...(target ? { target } : {}),
      ...(job ? { job } : {}),
      ...(stoppedAtMs === undefined ? {} : { stoppedAtMs }),
      ...(resumedAtMs === undefined ? {} : { resumedAtMs }),
    };
    if (outcome !== 'failed') return { ...after, state: outcome, ...(reason ? { reason } : {}) };
    const again = attempts < ATTEMPTS && state.over === undefined;
    return {
      ...after,
      state: again ? 'waiting' : 'stays',
      notBeforeMs: nowMs + PAUSE_MS * PAUSE_FACTOR ** (attempts - 1),
      reason: reason ?? 'no reason was given',
    };
  });
}

function doubt(state: Evacuation, { node, containers }: Extract<EvacuationEvent, { kind: 'silent' }>) {
  return setAll(state, (item) =>
    item.state === 'moved' && item.target === node && containers.includes(item.container)
      ? { ...item, state: 'unknown', reason: `${node}, which took it, does not answer` }
      : item,
  );
}

/** What waits stays; what moves comes to its own end. */
function giveUp(state: Evacuation, over: 'aborted' | 'timeout', reason: string): Evacuation {
  const given = setAll(state, (item) =>
    item.state === 'waiting' ? { ...item, state: 'stays', reason: item.reason ?? reason } : item,
  );
  const open =
    state.over === undefined &&
    state.items.some((item) => item.state === 'waiting' || item.state === 'moving');
  return open ? { ...given, over } : given;
}

function begin(state: Evacuation, nowMs: number): EvacuationStep {
  const moving = state.items.filter((item) => item.state === 'moving').length;
  const waiting = state.items.filter((item) => item.state === 'waiting');
  if (moving === 0 && waiting.length === 0) return { state, effects: [{ kind: 'end' }] };
  const next = waiting
    .filter(({ notBeforeMs }) => notBeforeMs <= nowMs)
    .slice(0, Math.max(0, state.parallel - moving))
    .map(({ container }) => container);
  const later = waiting
    .filter(({ notBeforeMs }) => notBeforeMs > nowMs)
    .map(({ notBeforeMs }) => notBeforeMs);
  const wake = state.over === undefined ? [Math.min(state.deadlineAtMs, ...later)] : [];
  return {
    state: setAll(state, (item) => (next.includes(item.container) ? { ...item, state: 'moving' } : item)),
    effects: [
      ...next.map((container) => ({ kind: 'move' as const, container })),
      ...wake.map((atMs) => ({ kind: 'wake' as const, atMs })),
    ],
  };
}

function setAll(state: Evacuation, change: (item: EvacuationItem) => EvacuationItem): Evacuation {
  return { ...state, items: state.items.map(change) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
