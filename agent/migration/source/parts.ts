import { type Move, pagesFollowIn, sourceStart } from '../../../protocol/mod.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { Agent } from '../agent.ts';
import { JOURNAL_VERSION, Journal, sideDir } from '../journal.ts';
import { MovingRecord } from '../moving-record.ts';
import { SourceCopy } from './copy.ts';
import { Figures } from './figures.ts';
import type { SourceNotes } from './notes.ts';
import { RecoveredCopy } from './recovered-copy.ts';
import { WayFinder } from './way.ts';
import type { MovingCopy, Peer, Plan } from './words.ts';

/** What only a move has that this agent began itself. */
export interface Outgoing {
  readonly copy: SourceCopy;
  readonly finder: WayFinder;
}

/** What an operator may wish of a running move. */
export interface Changes {
  readonly maxDowntimeMs?: number | undefined;
  readonly bandwidthBytesPerSecond?: number | undefined;
}

/** What is not named stays as it is. */
export function adjust({ copy, finder }: Outgoing, changes: Changes): void {
  finder.adjust(changes);
  if (changes.bandwidthBytesPerSecond === undefined) return;
  for (const meter of Object.values(copy.meters)) meter.setLimit(changes.bandwidthBytesPerSecond);
}

/** What the source's side of a move is made of. */
export interface SourceParts {
  readonly journal: Journal<SourceNotes>;
  readonly tracker: JobTracker;
  readonly record: MovingRecord;
  readonly figures: Figures;
  readonly copy: MovingCopy;
  readonly outgoing?: Outgoing;
}

/** Of a move that begins, after an accepted `prepare`. @throws GodwitError HOST_FAILED */
export function partsOf(agent: Agent, plan: Plan, peer: Peer, tracker: JobTracker): SourceParts {
  const { record, revision } = plan.owned;
  const move: Move = {
    job: plan.job,
    container: record.name,
    source: record.owner,
    target: plan.target,
    epoch: record.epoch,
    revision,
    pagesFollow: pagesFollowIn(plan.mode),
  };
  const notes: SourceNotes = {
    version: JOURNAL_VERSION,
    side: 'source',
    state: sourceStart(move),
    plan,
    peer,
    way: { mode: plan.mode, rounds: 0 },
    moments: {},
  };
  const journal = Journal.begin(sideDir(agent.config.runDir, plan.job, 'source'), notes, agent.log);
  const copy = new SourceCopy(agent, plan, peer, (changes) => journal.note(changes), {
    phase: (name) => tracker.phase(name),
    passed: (pass) => tracker.set({ rootfsPasses: [...tracker.current.rootfsPasses, pass] }),
  });
  return {
    journal,
    tracker,
    record: new MovingRecord(agent.bus.records, agent.clock, move, { record, revision }),
    figures: new Figures(plan.clockOffsetMs, (moments) => journal.note({ moments })),
    copy,
    outgoing: { copy, finder: new WayFinder(agent, plan, tracker) },
  };
}

/** Of a move that an earlier agent began and left. */
export function leftParts(agent: Agent, notes: SourceNotes, tracker: JobTracker): SourceParts {
  const { plan, state, moments } = notes;
  const dir = sideDir(agent.config.runDir, plan.job, 'source');
  const journal = new Journal(dir, notes, agent.log);
  return {
    journal,
    tracker,
    record: new MovingRecord(agent.bus.records, agent.clock, state.move),
    figures: new Figures(plan.clockOffsetMs, (changed) => journal.note({ moments: changed }), moments),
    copy: new RecoveredCopy(agent, notes, dir),
  };
}
