import {
  ACTIONS,
  type FaultAction,
  type FaultPoint,
  POINTS,
  type PointWords,
} from '../../../agent/faults/points.ts';

export type ChaosMode = 'cold' | 'postcopy';

/** Where the container is when all is over. */
export type Outcome =
  | 'done'
  | 'back at source'
  | 'frozen at target'
  | 'in doubt'
  | 'lost'
  | 'stopped at source'
  | 'stopped at target';

/** Another fault that leads a move to the point; one that stops an agent is let go after `holdMs`, or at the end. */
export interface Helper {
  readonly fault: string;
  readonly holdMs?: number;
}

/** One move with one fault. */
export interface Case {
  readonly point: FaultPoint;
  readonly action: FaultAction;
  readonly mode: ChaosMode;
  readonly helpers: readonly Helper[];
  /** In which the case may end. */
  readonly outcomes: readonly Outcome[];
}

/** Longer than a prepared target waits for the verdict. */
const OVERDUE_MS = 13_000;

/** How a move is led to the points that it comes by only when something else fails. */
const HELPERS: Partial<Record<FaultPoint, readonly Helper[]>> = {
  'source.tell-abort': [{ fault: 'target.restore:kill-criu' }],
  'source.undo': [{ fault: 'target.restore:kill-criu' }],
  'target.report-failed': [{ fault: 'target.restore:kill-criu' }],
  'target.undo': [{ fault: 'target.restore:kill-criu' }],
  'source.settle': [{ fault: 'source.commit:lose-bus=3' }],
  // The target takes the move back meanwhile, and the source's commit comes too late.
  'source.ask': [{ fault: 'source.commit:hang', holdMs: OVERDUE_MS }],
  'target.abort-cas': [{ fault: 'source.commit:hang' }],
  'target.ask': [{ fault: 'source.tell-commit:hang' }],
};

/** Where a criu of the move runs on that node, and its death means something. */
const CRIU = points('source.ship', 'source.sweep', 'target.report-prepared', 'target.fill');
/** Where a criu holds the copy at the target: with it the copy goes before it ran, whatever the record says. */
const HELD: readonly FaultPoint[] = [
  'target.report-prepared',
  'target.abort-cas',
  'target.ask',
  'target.resume',
];
/** Where images are still written on that node. */
const IMAGES = points('source.claim', 'source.stopping', 'target.build', 'target.restore');

/** Every case that the lab can play: its kernel tracks no dirty memory, so there are no rounds; `loss` and `rootfs` are tests of their own. */
export const CASES: readonly Case[] = Object.entries(POINTS).flatMap(([name, words]) => {
  const point = name as FaultPoint;
  return (Object.keys(ACTIONS) as FaultAction[])
    .filter((action) => makesSense(point, action))
    .flatMap((action) =>
      modesOf(words).map((mode) => ({
        point,
        action,
        mode,
        helpers: HELPERS[point] ?? [],
        outcomes: outcomesOf(point, words, action, mode),
      })),
    );
});

/** Name of a case, which GODWIT_CHAOS is matched against. */
export const nameOf = ({ point, action, mode }: Case) => `${mode} ${point}:${action}`;

function modesOf({ reached }: PointWords): readonly ChaosMode[] {
  if (reached === 'rounds' || reached === 'loss' || reached === 'rootfs') return [];
  return reached === 'pages' ? ['postcopy'] : ['cold', 'postcopy'];
}

function makesSense(point: FaultPoint, action: FaultAction): boolean {
  if (action === 'kill-criu') return CRIU.includes(point);
  if (action === 'enospc') return IMAGES.includes(point);
  return true;
}

function outcomesOf(
  point: FaultPoint,
  { committed }: PointWords,
  action: FaultAction,
  mode: ChaosMode,
): readonly Outcome[] {
  // In post-copy the daemon of the pages dies with it, and may be missed first: then it is not certain that no task ran.
  if (action === 'kill-criu' && HELD.includes(point))
    return mode === 'cold' ? ['back at source'] : ['back at source', 'frozen at target'];
  const decided = committed === 'yes' ? (['done'] as const) : (['done', 'back at source'] as const);
  // Nobody can put the pages of a killed lazy-pages daemon in their place; the container must not run without them.
  return action === 'kill-criu' && point.startsWith('target.') ? [...decided, 'frozen at target'] : decided;
}

/** The points from one to another, per side. */
function points(...ends: readonly FaultPoint[]): readonly FaultPoint[] {
  const all = Object.keys(POINTS) as FaultPoint[];
  const between = (from: number) =>
    all.slice(all.indexOf(ends[from] as FaultPoint), all.indexOf(ends[from + 1] as FaultPoint) + 1);
  return [...between(0), ...between(2)];
}
