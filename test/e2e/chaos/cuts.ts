import type { FaultPoint } from '../../../agent/faults/points.ts';
import type { ChaosMode, Outcome } from './cases.ts';
import type { Network } from './network.ts';

/** Who loses power while the move stands still at a point, and where that leaves the container. */
export interface PowerCut {
  readonly point: FaultPoint;
  readonly mode: ChaosMode;
  readonly cut: 'source' | 'target' | 'both';
  readonly outcomes: readonly Outcome[];
}

/** Which network of the target fails, at what point, for how long. */
export interface LinkCut {
  readonly network: Network;
  readonly point: FaultPoint;
  readonly mode: ChaosMode;
  readonly ms: number;
  readonly outcomes: readonly Outcome[];
}

/** The first four are played every day. */
export const POWER_CUTS: readonly PowerCut[] = [
  // The container dies with its node, as it would without a move; its target must not keep what it had.
  { point: 'source.dump', mode: 'cold', cut: 'source', outcomes: ['stopped at source'] },
  { point: 'source.commit', mode: 'postcopy', cut: 'source', outcomes: ['stopped at source'] },
  // The source had the word `prepared`, and commits to a target that is dark.
  { point: 'source.commit', mode: 'cold', cut: 'target', outcomes: ['in doubt'] },
  { point: 'source.ship', mode: 'postcopy', cut: 'target', outcomes: ['back at source'] },
  { point: 'source.commit', mode: 'cold', cut: 'both', outcomes: ['stopped at source'] },
  // Past the commit nobody but an operator can say whether the target's copy ever ran.
  { point: 'target.resume', mode: 'cold', cut: 'source', outcomes: ['done'] },
  { point: 'target.resume', mode: 'cold', cut: 'target', outcomes: ['in doubt'] },
  { point: 'target.pages', mode: 'postcopy', cut: 'target', outcomes: ['in doubt'] },
  // The one case in which a container can be lost.
  { point: 'target.pages', mode: 'postcopy', cut: 'source', outcomes: ['lost'] },
  { point: 'target.pages', mode: 'postcopy', cut: 'both', outcomes: ['stopped at target', 'lost'] },
];

/** Whoever waits for the move hears of it, and gives up what is left. */
export const LOST_CUT = 'of the source at target.pages, encrypted: the one who waits is told, and settles it';

/** Less than any time-out of ours, and more than all of those that end a move before its commit. */
const SHORT_MS = 3_000;
const LONG_MS = 25_000;

const EITHER: readonly Outcome[] = ['done', 'back at source'];
const DONE: readonly Outcome[] = ['done'];

/** The first four are played every day. Past the commit the container has one way to go. */
export const LINK_CUTS: readonly LinkCut[] = [
  { network: 'data', point: 'target.pages', mode: 'postcopy', ms: SHORT_MS, outcomes: DONE },
  { network: 'data', point: 'source.ship', mode: 'cold', ms: SHORT_MS, outcomes: DONE },
  { network: 'all', point: 'source.commit', mode: 'cold', ms: LONG_MS, outcomes: EITHER },
  { network: 'all', point: 'target.pages', mode: 'postcopy', ms: LONG_MS, outcomes: DONE },
  { network: 'data', point: 'source.ship', mode: 'postcopy', ms: LONG_MS, outcomes: EITHER },
  { network: 'bus', point: 'source.commit', mode: 'postcopy', ms: SHORT_MS, outcomes: EITHER },
  { network: 'bus', point: 'source.commit', mode: 'cold', ms: LONG_MS, outcomes: EITHER },
  { network: 'bus', point: 'target.resume', mode: 'cold', ms: LONG_MS, outcomes: DONE },
  { network: 'all', point: 'source.claim', mode: 'cold', ms: SHORT_MS, outcomes: EITHER },
  { network: 'all', point: 'target.resume', mode: 'postcopy', ms: SHORT_MS, outcomes: DONE },
];

/** What becomes of the three nats-servers. */
export const BUS_TRIALS = {
  bystander: "one killed, that is no part of the move's: the move goes on",
  source: "one killed, the source's: the move goes on",
  target: "one killed, the target's: the move goes on",
  beforeFreeze: 'all out of reach before the freeze: the container runs on, and the move settles',
  atCommit: 'all out of reach at the commit: the container stays frozen, then settles by itself',
} as const;

/** What is no move that a fault meets, or no small one. */
export const BESIDE_TRIALS = {
  agentKilled: (node: string) => `the agent of ${node} killed three times, no move`,
  linkOf1GiB: 'data link cut for 5 s while the pages of 1 GiB are on their way',
} as const;

export function powerCutName({ mode, cut, point }: PowerCut): string {
  return `${mode}, of the ${cut === 'both' ? 'source and the target' : cut} at ${point}`;
}

export function linkCutName({ mode, network, point, ms }: LinkCut): string {
  return `${mode}, ${network} of the target at ${point} for ${ms / 1000} s`;
}
