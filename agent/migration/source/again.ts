import { type Ending, hasRounds, type Mode, withoutRounds } from '../../../protocol/mod.ts';
import { againAfter } from '../../criu/mod.ts';

/** What criu meets every time is no matter of the moment. */
const MOST_TRIES = 3;

/** Both come before the commit. */
const CRIU_FAILED: ReadonlySet<string> = new Set(['DUMP_FAILED', 'RESTORE_FAILED']);

/**
 * The mode in which a move that failed begins once more; undefined where that would not help. The container runs on at its source.
 * @param tries how often it has begun
 */
export function modeAgain({ outcome, error }: Ending, mode: Mode, tries: number): Mode | undefined {
  if (outcome !== 'failed' || error === undefined || tries >= MOST_TRIES) return undefined;
  const how = againAfter(JSON.stringify(error));
  if (how === 'without rounds') return hasRounds(mode) ? withoutRounds(mode) : undefined;
  return how && CRIU_FAILED.has(error.code) ? mode : undefined;
}
