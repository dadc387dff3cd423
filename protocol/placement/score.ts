import type { PlacementSpec } from '../domain/spec.ts';
import { COMPONENTS, type Component, largest } from './load.ts';
import type { Answer, Reason } from './words.ts';

/** What only the source knows of a candidate. */
export interface WayThere {
  /** How long the container's memory takes to cross the link. */
  readonly transferMs: number;
  /** Moves to it that failed, old ones counted less. */
  readonly failures: number;
}

/** The parts of a score, each in points; they add up to it. */
export interface ScoreParts {
  /** 100 for a node that would stay empty, 0 where the largest component of its load would be all it has; below 0 beyond. */
  readonly load: number;
  /** Which component that is. */
  readonly largest: Component;
  /** Minus up to one point for all components together: of nodes equal in the largest one the emptier. */
  readonly rest: number;
  /** What the move itself costs. */
  readonly cost: number;
  readonly failures: number;
  readonly group: number;
}

/** One node's place in an auction. Without a score it cannot be, for the reasons it gives. */
export interface Ranked {
  readonly answer: Answer;
  readonly reasons: readonly Reason[];
  readonly score?: number;
  readonly parts?: ScoreParts;
}

/** One point for each ten seconds of transfer, up to 20: never more than a fifth of a node's load. */
const COST_POINTS_PER_MS = 1 / 10_000;
const COST_POINTS_MAX = 20;
const FAILURE_POINTS = 25;
const GROUP_POINTS = 15;

/**
 * The answers of an auction, the best bid first, refusals last. Deterministic: equal scores go by the node's id. Pure.
 * @param way what the source knows of a node
 */
export function rank(
  answers: readonly Answer[],
  placement: PlacementSpec | undefined,
  way: (node: string) => WayThere,
): Ranked[] {
  const hosts = answers.filter(({ groupMembers }) => groupMembers > 0).map(({ node }) => node);
  const bound = placement?.together === 'require' && hosts.length > 0 ? hosts : undefined;
  return answers
    .map((answer): Ranked => {
      const away: Reason[] =
        bound === undefined || bound.includes(answer.node)
          ? []
          : [{ code: 'GROUP_TOGETHER', what: `group ${placement?.group} is on ${bound.join(', ')}` }];
      const reasons = [...answer.reasons, ...away];
      return reasons.length > 0
        ? { answer, reasons }
        : { answer, reasons, ...scoreOf(answer, placement, way(answer.node)) };
    })
    .sort(byScore);
}

/** The score of one bid; the higher the better. Pure. */
export function scoreOf(
  { after, groupMembers }: Pick<Answer, 'after' | 'groupMembers'>,
  placement: PlacementSpec | undefined,
  { transferMs, failures }: WayThere,
): { readonly score: number; readonly parts: ScoreParts } {
  const { component, value } = largest(after);
  const mean = COMPONENTS.reduce((sum, one) => sum + after[one], 0) / COMPONENTS.length;
  const together = placement?.together === 'prefer' && groupMembers > 0 ? GROUP_POINTS : 0;
  const apart = placement?.apart === 'prefer' ? -GROUP_POINTS * groupMembers : 0;
  const parts: ScoreParts = {
    load: points(100 - 100 * value),
    largest: component,
    rest: points(-Math.min(1, mean)),
    cost: points(-Math.min(COST_POINTS_MAX, transferMs * COST_POINTS_PER_MS)),
    failures: points(-FAILURE_POINTS * failures),
    group: together + apart,
  };
  return { score: points(parts.load + parts.rest + parts.cost + parts.failures + parts.group), parts };
}

function byScore(a: Ranked, b: Ranked): number {
  const [one, other] = [a.score ?? Number.NEGATIVE_INFINITY, b.score ?? Number.NEGATIVE_INFINITY];
  if (one !== other) return other > one ? 1 : -1;
  return a.answer.node < b.answer.node ? -1 : 1;
}

/** Hundredths: what differs by less is measuring noise, and -0 is nobody's friend. */
function points(value: number): number {
  return Math.round(value * 100) / 100 + 0;
}
