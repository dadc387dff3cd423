/**
 * Where a move comes by a point. `always`: in every move that goes through. `rounds`: with rounds before the freeze. `pages`:
 * with memory that follows the resume. `failure`: when it is given up. `doubt`: when the outcome of a change of the record is
 * not known, or no verdict came. `loss`: when the copy breaks after the commit. `rootfs`: with a root file system that is copied.
 */
export type Reached = 'always' | 'rootfs' | 'rounds' | 'pages' | 'failure' | 'doubt' | 'loss';

/** What the record says there: not committed, committed, or only the record itself knows. */
export type Committed = 'no' | 'perhaps' | 'yes';

export interface PointWords {
  readonly reached: Reached;
  readonly committed: Committed;
  /** What has happened by then, and what has not. */
  readonly happened: string;
}

const before = (reached: Reached, happened: string) => ({ reached, committed: 'no', happened }) as const;
const unsure = (reached: Reached, happened: string) => ({ reached, committed: 'perhaps', happened }) as const;
const after = (reached: Reached, happened: string) => ({ reached, committed: 'yes', happened }) as const;

/**
 * Every step of a move at which it can be made to fail, in the order of a move. A fault strikes before the step is done.
 * Points with the name of an effect of a handover core are reached through the driver, the others where they are named.
 */
export const POINTS = {
  'source.search': before('always', 'The job is accepted; no node has been asked.'),
  'source.prepare': before('always', 'The source has looked at its container; the target is asked next.'),
  'source.open': before('always', 'The target has reserved; no stream is open, no image directory made.'),
  'source.rootfs': before(
    'rootfs',
    'Streams are open; a pass through the root file system is next, the container runs.',
  ),
  'source.round': before('rounds', 'Streams are open; a pre-dump is next, the container runs.'),
  'source.switch': before('rounds', 'The rounds are over; the target does not know yet.'),
  'source.claim': before('always', 'Both ends are ready; the record still says `running`.'),
  'source.dump': before('always', 'The record says `switching`; the container runs.'),
  'source.stopping': before('always', 'criu dumps and is about to stop the tasks.'),
  'source.ship': before('always', 'The tasks stand still, the images are complete; none is sent.'),
  'source.rootfs-rest': before(
    'rootfs',
    'The tasks stand still; what they wrote since the last pass is not at the target.',
  ),
  'source.shipped': before('always', 'Every image is sent; the target builds its copy.'),
  'source.commit': before('always', 'The target is prepared; the commit is not sent.'),
  'source.settle': unsure('doubt', 'The commit was sent, its answer did not come.'),
  'source.ask': unsure('doubt', 'Somebody else has changed the record; it is read next.'),
  'source.tell-commit': after('always', 'The record names the target; the target does not know.'),
  'source.watch': after('always', 'The record names the target; from now on it is read now and then.'),
  'source.pages': after('pages', 'The target runs; its pages are asked for here.'),
  'source.kill': after('always', 'The target needs nothing more; the copy here is frozen and alive.'),
  'source.sweep': after('always', 'The copy here is dead; its directories, streams and definition are left.'),
  'source.leave-rootfs': after(
    'rootfs',
    'The copy here is dead and not defined any more; its files are in their place.',
  ),
  'source.doubt': after('loss', 'The target lost its copy; the operator does not know.'),
  'source.resolve': after('loss', 'The operator has decided; the record does not say so.'),
  'source.tell-abort': before('failure', 'The move is given up; the target does not know.'),
  'source.undo': before('failure', 'The move is given up; the container stands still or is throttled.'),
  'source.end': unsure('always', 'Nothing of the move is left here; its job has not ended.'),
  'target.prepare': before('always', 'The request has arrived; nothing was looked at.'),
  'target.reserve': before('always', 'Nothing speaks against the move; nothing is reserved.'),
  'target.reserved': before(
    'always',
    'Directory, token, definition and waiting restore are there; no answer.',
  ),
  'target.rootfs': before('rootfs', 'Part of a pass arrives; no rsync takes it.'),
  'target.rootfs-check': before('rootfs', 'The root file system is here; it is not compared.'),
  'target.round': before('rounds', 'The pages of a round are here; its pagemaps are not sent back.'),
  'target.switch': before('rounds', 'No more rounds come; nothing waits for the final dump.'),
  'target.build': before('always', 'The source may open its streams; none is taken.'),
  'target.images': before('always', 'Every image is here; no page can be asked for.'),
  'target.restore': before('always', 'The images are complete; criu has not begun to build.'),
  'target.report-prepared': before('always', 'The tasks are built and held; the source does not know.'),
  'target.abort-cas': unsure('doubt', 'Prepared, and no verdict; the record is changed back next.'),
  'target.ask': unsure('doubt', 'The record was not to be changed back; it is read next.'),
  'target.resume': after('always', 'The commit is known here; the tasks are still held.'),
  'target.resumed': after('always', 'The tasks run; neither runtime nor record know.'),
  'target.report-running': after('always', 'The tasks run; the source does not know.'),
  'target.pages': after('pages', 'The record says `filling`; pages arrive.'),
  'target.close': after('always', 'Every page is on this node; the record says `resuming` or `filling`.'),
  'target.report-filled': after('pages', 'The record says `running`; the source does not know.'),
  'target.fill': after('pages', 'Every page is on this node, not all in the container.'),
  'target.settle': after('always', 'The container is whole; directory and streams of the move are left.'),
  'target.report-failed': before('failure', 'The copy here cannot be built; the source does not know.'),
  'target.undo': before('failure', 'The copy here is given up; its tasks, if any, are held.'),
  'target.return': after('loss', 'The copy broke before it ran and is gone; the record names this node.'),
  'target.freeze-lost': after('loss', 'The copy broke after the commit; its tasks may still run.'),
  'target.report-lost': after(
    'loss',
    'The copy is frozen, the record says `lost`; the source does not know.',
  ),
  'target.doubt': after('loss', 'The copy is frozen, the record says `lost`; the operator does not know.'),
  'target.watch': after('loss', 'The copy is frozen; the record is read for what the operator decided.'),
  'target.clear': after('loss', 'An operator has given the frozen copy up; it is alive.'),
  'target.end': unsure('always', 'The move is decided here; the last clean-up may be left.'),
} as const satisfies Readonly<Record<`${Side}.${string}`, PointWords>>;

export type Side = 'source' | 'target';

/** Name of a fault point: side, dot, step. */
export type FaultPoint = keyof typeof POINTS;

/** What can be done at a point. */
export const ACTIONS = {
  'kill-agent': 'The agent gets SIGKILL.',
  'kill-criu': "Every criu of the move on this node gets SIGKILL; the agent's step follows.",
  hang: 'The agent gets SIGSTOP; SIGCONT lets it go on.',
  'drop-link': 'Every connection of the data port is reset, once.',
  'lose-bus': "The agent's connection to NATS is reset, and again for 5 s (`lose-bus=SECONDS`).",
  enospc: "The tmpfs of the move's images on this node takes no further byte.",
} as const;

export type FaultAction = keyof typeof ACTIONS;
