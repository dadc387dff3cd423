import {
  ACTIONS,
  type FaultAction,
  type FaultPoint,
  POINTS,
  type PointWords,
  type Side,
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
  /** Whose copy an operator keeps once the container is lost; then the move comes by the point. */
  readonly keeps?: Side;
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
  'target.return': [{ fault: 'target.resume:kill-criu' }],
  // Its tasks run by then, and whoever could bring their missing pages is dead.
  'source.doubt': [{ fault: 'target.pages:kill-criu' }],
  'source.resolve': [{ fault: 'target.pages:kill-criu' }],
  'target.freeze-lost': [{ fault: 'target.pages:kill-criu' }],
  'target.report-lost': [{ fault: 'target.pages:kill-criu' }],
  'target.doubt': [{ fault: 'target.pages:kill-criu' }],
  'target.watch': [{ fault: 'target.pages:kill-criu' }],
  'target.clear': [{ fault: 'target.pages:kill-criu' }],
};

/** What an operator has to decide for a move to come by the point. */
const KEEPS: Partial<Record<FaultPoint, Side>> = { 'source.resolve': 'source', 'target.clear': 'target' };

/** Points of moves that the walk does not make, and the test that kills an agent there. */
export const ELSEWHERE: Partial<Record<FaultPoint, string>> = {
  'source.rootfs': 'test/e2e/copied-rootfs.test.ts',
  'source.rootfs-rest': 'test/e2e/copied-rootfs.test.ts',
  'source.leave-rootfs': 'test/e2e/copied-rootfs.test.ts',
  'target.rootfs': 'test/e2e/copied-rootfs.test.ts',
  'target.rootfs-check': 'test/e2e/copied-rootfs.test.ts',
  // The lab's kernel need not track dirty memory.
  'source.round': 'test/vm/faults.test.ts',
  'source.switch': 'test/vm/faults.test.ts',
  'target.round': 'test/vm/faults.test.ts',
  'target.switch': 'test/vm/faults.test.ts',
};

/** Where a criu of the move runs on that node, and its death means something. */
const CRIU = points('source.ship', 'source.sweep', 'target.report-prepared', 'target.fill');
/** Where a criu holds the copy at the target: with it the copy goes before it ran, whatever the record says, and the source's is as good as it was. */
const HELD: readonly FaultPoint[] = [
  'target.report-prepared',
  'target.abort-cas',
  'target.ask',
  'target.resume',
];
/** Where images are still written on that node. */
const IMAGES = points('source.claim', 'source.stopping', 'target.build', 'target.restore');

/** Every case that the lab can play; what needs rounds or a copied root file system is played elsewhere. */
export const CASES: readonly Case[] = Object.entries(POINTS).flatMap(([name, words]) => {
  const point = name as FaultPoint;
  return (Object.keys(ACTIONS) as FaultAction[])
    .filter((action) => makesSense(point, action))
    .flatMap((action) =>
      modesOf(point, words).map((mode) => ({
        point,
        action,
        mode,
        helpers: HELPERS[point] ?? [],
        ...(KEEPS[point] ? { keeps: KEEPS[point] } : {}),
        outcomes: outcomesOf(point, words, action),
      })),
    );
});

/** Name of a case, which GODWIT_CHAOS is matched against. */
export const nameOf = ({ point, action, mode }: Case) => `${mode} ${point}:${action}`;

function modesOf(point: FaultPoint, { reached }: PointWords): readonly ChaosMode[] {
  if (point in ELSEWHERE) return [];
  const pagesOnly = reached === 'pages' || (reached === 'loss' && point !== 'target.return');
  return pagesOnly ? ['postcopy'] : ['cold', 'postcopy'];
}

function makesSense(point: FaultPoint, action: FaultAction): boolean {
  if (action === 'kill-criu') return CRIU.includes(point);
  if (action === 'enospc') return IMAGES.includes(point);
  return true;
}

function outcomesOf(
  point: FaultPoint,
  { committed, reached }: PointWords,
  action: FaultAction,
): readonly Outcome[] {
  if (reached === 'loss') return [lossOf(point)];
  if (action === 'kill-criu' && HELD.includes(point)) return ['back at source'];
  const decided = committed === 'yes' ? (['done'] as const) : (['done', 'back at source'] as const);
  // Nobody can put the pages of a killed lazy-pages daemon in their place; the container must not run without them.
  return action === 'kill-criu' && point.startsWith('target.') ? [...decided, 'frozen at target'] : decided;
}

function lossOf(point: FaultPoint): Outcome {
  if (point === 'target.return' || point === 'source.resolve') return 'back at source';
  return point === 'target.clear' ? 'stopped at target' : 'frozen at target';
}

/** The points from one to another, per side. */
function points(...ends: readonly FaultPoint[]): readonly FaultPoint[] {
  const all = Object.keys(POINTS) as FaultPoint[];
  const between = (from: number) =>
    all.slice(all.indexOf(ends[from] as FaultPoint), all.indexOf(ends[from + 1] as FaultPoint) + 1);
  return [...between(0), ...between(2)];
}
