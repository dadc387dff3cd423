import { LIMITS } from '../../protocol/limits.ts';

const BACKOFF_MS = { first: 50, most: 1_000 };

/** How long a stream has been without a connection, what was tried since, and when that is enough. No clock. */
export class Patience {
  private deadlineMs: number | undefined;
  private failed = 0;
  private problem = '';
  private dialProblem = '';

  /**
   * A connection broke. True if this is news: one that has carried nothing since the last loss must not come back at full
   * speed, nor keep the stream alive for ever.
   */
  lost(problem: string, nowMs: number): boolean {
    if (this.deadlineMs !== undefined) {
      this.failed += 1;
      return false;
    }
    this.deadlineMs = nowMs + LIMITS.streamResumeMs;
    this.failed = 0;
    this.problem = problem;
    this.dialProblem = '';
    return true;
  }

  dialFailed(problem: string): void {
    this.failed += 1;
    this.dialProblem = problem;
  }

  /** The peer was heard: the next loss is a new one. */
  restore(): void {
    this.deadlineMs = undefined;
  }

  /** How long the next attempt may take: a busy peer gets more time with each. */
  get dialMs(): number {
    return Math.min(LIMITS.streamDialMs * (this.failed + 1), LIMITS.handshakeMs);
  }

  /** Until the next attempt. */
  get backoffMs(): number {
    return Math.min(BACKOFF_MS.first * 2 ** this.failed, BACKOFF_MS.most);
  }

  leftMs(nowMs: number): number {
    return Math.max(0, (this.deadlineMs ?? nowMs) - nowMs);
  }

  get refusedText(): string {
    return `${this.problem}, and the peer does not go on`;
  }

  get overText(): string {
    const why = this.dialProblem === '' ? '' : ` (${this.dialProblem})`;
    return `${this.problem}, and no new connection within ${LIMITS.streamResumeMs / 1000} s${why}`;
  }
}
