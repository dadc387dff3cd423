import {
  type Ending,
  GodwitError,
  type Move,
  type RecordView,
  type Side,
  type SourcePhase,
  type SourceState,
  type TargetPhase,
  type TargetState,
} from '../../../../protocol/mod.ts';

/** A core as it is written down, without what is the same in all states. */
export interface SourceNotes {
  readonly phase: SourcePhase;
  readonly targetRuns: boolean;
  readonly filled: boolean;
  readonly keep?: Side;
  readonly outcome?: Ending['outcome'];
}

export interface TargetNotes {
  readonly phase: TargetPhase;
  readonly filled: boolean;
  readonly neverRan?: boolean;
  readonly outcome?: Ending['outcome'];
}

/** One agent: what it is about to do, and the newest record it has seen. Without notes it knows nothing of the move. */
export interface Agent<Notes> {
  readonly up: boolean;
  readonly notes: Notes | undefined;
  readonly todo: readonly string[];
  readonly seen: RecordView | undefined;
}

/** A write that is on its way, and whose caller waits no longer. */
export interface Write {
  readonly at: number;
  readonly record: Omit<RecordView, 'revision'>;
}

/** The whole small world: two agents, two hosts, a network, a record. */
export interface State {
  readonly source: Agent<SourceNotes>;
  readonly target: Agent<TargetNotes>;
  /** In flight: each may arrive any number of times, until it is dropped. */
  readonly messages: readonly string[];
  readonly record: RecordView;
  /** What a stale read shows. */
  readonly before: RecordView;
  readonly writes: readonly Write[];
  readonly here: 'absent' | 'running' | 'frozen' | 'killed' | 'dead' | 'stopped';
  readonly there: 'absent' | 'held' | 'running' | 'frozen' | 'stopped';
  /** criu works on, whatever becomes of its agent. */
  readonly dumping: boolean;
  readonly restoring: boolean;
  readonly pages: 'none' | 'missing' | 'complete' | 'lost';
  readonly faultsLeft: number;
  /** The target's copy broke by itself, or went with the power. */
  readonly targetBroke: boolean;
  readonly sourceBroke: boolean;
  /** The target's agent is the one that began: it hears whether a task of its copy was let go. */
  readonly begun: boolean;
  /** A task of the target's copy has run, and nobody has chosen the source's since. */
  readonly ran: boolean;
}

const ERROR = new GodwitError('INTERNAL', { problem: 'explored' }).toWire();

export function moveOf(pagesFollow: boolean): Move {
  return { job: 'j', container: 'c', source: 'S', target: 'T', epoch: 0, revision: 1, pagesFollow };
}

export { ERROR };

export function startOf(faults: number): State {
  const record: RecordView = { revision: 1, owner: 'S', epoch: 0, phase: 'running' };
  return {
    source: {
      up: true,
      notes: { phase: 'preparing', targetRuns: false, filled: false },
      todo: ['ready'],
      seen: record,
    },
    target: { up: true, notes: { phase: 'building', filled: false }, todo: ['build'], seen: undefined },
    messages: [],
    record,
    before: record,
    writes: [],
    here: 'running',
    there: 'absent',
    dumping: false,
    restoring: false,
    pages: 'none',
    faultsLeft: faults,
    targetBroke: false,
    sourceBroke: false,
    begun: true,
    ran: false,
  };
}

export function sourceCore(move: Move, { outcome, ...notes }: SourceNotes): SourceState {
  return { ...notes, move, ...endingOf(outcome) };
}

export function targetCore(move: Move, { outcome, ...notes }: TargetNotes): TargetState {
  return { ...notes, move, ...endingOf(outcome) };
}

export function sourceNotes({ phase, filled, keep, ending }: SourceState): SourceNotes {
  return {
    phase,
    // Nothing is decided by it.
    targetRuns: false,
    filled,
    ...(keep ? { keep } : {}),
    ...(ending ? { outcome: ending.outcome } : {}),
  };
}

export function targetNotes({ phase, filled, neverRan, ending }: TargetState): TargetNotes {
  return { phase, filled, ...(neverRan ? { neverRan } : {}), ...(ending ? { outcome: ending.outcome } : {}) };
}

function endingOf(outcome: Ending['outcome'] | undefined): { ending?: Ending } {
  if (outcome === undefined) return {};
  return { ending: outcome === 'done' ? { outcome } : { outcome, error: ERROR } };
}
