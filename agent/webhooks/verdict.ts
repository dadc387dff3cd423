import type { EventVerdict } from '../bus/mod.ts';

/** How a receiver took a delivery: its HTTP status, or why there is none. */
export type Answer =
  | { readonly status: number; readonly retryAfterMs?: number }
  | { readonly problem: string };

/** Nothing but another event would help: it cannot be read, is too large, or nobody wants any more. */
const HOPELESS: ReadonlySet<number> = new Set([400, 410, 413, 415, 422]);
const FIRST_MS = 1_000;
const MOST_MS = 5 * 60_000;
/** An event that could not be delivered for so long is given up: those after it wait. */
const GIVE_UP_MS = 24 * 3_600_000;

export interface Judged {
  readonly verdict: EventVerdict;
  /** It is not delivered, for this reason. */
  readonly lost?: string;
  /** It was not delivered this time. */
  readonly problem?: string;
}

/** What follows from an answer. The pause doubles with each attempt; a receiver may ask for a longer one. Pure. */
export function judge(answer: Answer, { attempt, ageMs }: { attempt: number; ageMs: number }): Judged {
  if ('status' in answer && answer.status >= 200 && answer.status < 300) return { verdict: 'done' };
  const problem = 'status' in answer ? `HTTP status ${answer.status}` : answer.problem;
  if ('status' in answer && HOPELESS.has(answer.status)) return { verdict: 'done', lost: problem };
  if (ageMs >= GIVE_UP_MS) return { verdict: 'done', lost: `not taken for a day: ${problem}` };
  const asked = 'status' in answer ? (answer.retryAfterMs ?? 0) : 0;
  const pauseMs = Math.max(asked, FIRST_MS * 2 ** Math.min(20, attempt - 1));
  return { verdict: { againMs: Math.min(MOST_MS, pauseMs) }, problem };
}
