import { targetStart } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { JOURNAL_VERSION, Journal, sideDir } from '../journal.ts';
import { type ArrivalEvents, TargetCopy } from './copy.ts';
import type { TargetNotes } from './notes.ts';
import { RecoveredArrival } from './recovered-copy.ts';
import type { Arrival, ArrivingCopy } from './words.ts';

/** What the target's side of a move is made of. */
export interface TargetParts {
  readonly journal: Journal<TargetNotes>;
  readonly copyOf: (events: ArrivalEvents) => ArrivingCopy;
}

/** Of a move that begins. @param xml of the container. @throws GodwitError HOST_FAILED */
export function partsOf(agent: Agent, arrival: Arrival, xml: string): TargetParts {
  const { spec: _inXml, ...rest } = arrival;
  const { move, mode } = arrival;
  const notes: TargetNotes = {
    version: JOURNAL_VERSION,
    side: 'target',
    state: targetStart(move),
    arrival: rest,
    xml,
    mode,
    phases: [],
  };
  const journal = Journal.begin(sideDir(agent.config.runDir, move.job, 'target'), notes, agent.log);
  return {
    journal,
    copyOf: (events) => new TargetCopy(agent, arrival, events, (changes) => journal.note(changes)),
  };
}

/** Of a move that an earlier agent began and left. */
export function leftParts(agent: Agent, notes: TargetNotes): TargetParts {
  const dir = sideDir(agent.config.runDir, notes.state.move.job, 'target');
  return {
    journal: new Journal(dir, notes, agent.log),
    copyOf: () => new RecoveredArrival(agent, notes, dir),
  };
}
