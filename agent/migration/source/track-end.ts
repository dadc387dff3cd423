import type { Ending } from '../../../protocol/mod.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { SourceMove } from './move.ts';

/** The job ends with its move. One in doubt has ended for whoever waits, and ends once more when an operator has decided. */
export function trackEnd(tracker: JobTracker, ending: Ending, move?: SourceMove): void {
  tracker.end(ending.outcome, ending.error);
  if (!move || move.isOver) return;
  void move.settled.then((settled) => tracker.end(settled.outcome, settled.error));
}
