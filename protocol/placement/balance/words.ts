import { z } from 'zod';
import type { PlacementSpec } from '../../domain/spec.ts';
import { type Capacity, COMPONENTS, type LoadVector, Usage } from '../load.ts';

/** A container that may be moved away, as its node sees it. */
export interface Movable {
  readonly container: string;
  /** What it would use if nothing had to wait. */
  readonly usage: Usage;
  /** Room that the move needs on its target. */
  readonly memoryBytes: number;
  readonly placement?: PlacementSpec | undefined;
  /** How long its move keeps both nodes busy. */
  readonly costMs: number;
}

/** The node that balances. */
export interface Here {
  readonly node: string;
  readonly load: LoadVector;
  readonly capacity: Capacity;
  readonly labels: Readonly<Record<string, string>>;
  readonly movable: readonly Movable[];
  /** Groups of the containers that run here and may not be moved, once for each. */
  readonly fixedGroups: readonly string[];
}

/** Another node, as it announces itself or answers. */
export interface Neighbour {
  readonly node: string;
  readonly load: LoadVector;
  readonly capacity: Capacity;
  readonly memoryAvailableBytes: number;
  readonly labels: Readonly<Record<string, string>>;
}

const Sides = z.object({ source: z.number(), target: z.number() });

/** One move of a plan, with what it is good for. */
export const BalanceMove = z.object({
  container: z.string(),
  source: z.string(),
  target: z.string(),
  /** What the source is short of when this move is made. */
  component: z.enum(COMPONENTS),
  /** Largest components of both nodes' loads: before this move, and after it. */
  before: Sides,
  after: Sides,
  /** By how much the fuller of the nodes gets emptier; 1 more where the container may not be where it is. */
  gain: z.number(),
  /** What it takes along. */
  usage: Usage,
  memoryBytes: z.number(),
  /** How long the move takes, by what moves to this target took before. */
  costMs: z.number(),
  /** The same as a sentence. */
  reason: z.string(),
});
export type BalanceMove = z.infer<typeof BalanceMove>;
