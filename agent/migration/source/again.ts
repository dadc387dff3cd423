import { type Ending, hasRounds, type Mode, withoutRounds } from '../../../protocol/mod.ts';
import { isOfTheMoment } from '../../criu/mod.ts';

/** What criu meets every time is no matter of the moment. */
const MOST_TRIES = 3;

/** Both come before the commit. */
const CRIU_FAILED: ReadonlySet<string> = new Set(['DUMP_FAILED', 'RESTORE_FAILED']);

/** How a move begins once more. */
export interface Again {
  readonly mode: Mode;
  readonly why: string;
}

/**
 * Whether a move that failed is to begin once more, and how; the container runs on at its source.
 * @param tries how often it has begun
 */
export function again({ outcome, error }: Ending, mode: Mode, tries: number): Again | undefined {
  if (outcome !== 'failed' || error === undefined || tries >= MOST_TRIES) return undefined;
  const text = JSON.stringify(error);
  // criu finds a page of an earlier round gone (criu#2995 and others); nothing but a dump without rounds helps.
  if (hasRounds(mode) && /in parent pagemap/.test(text))
    return { mode: withoutRounds(mode), why: 'the chain of rounds is broken: once more without rounds' };
  if (CRIU_FAILED.has(error.code) && isOfTheMoment(text))
    return { mode, why: 'criu met what is there for a moment only: once more' };
  return undefined;
}
