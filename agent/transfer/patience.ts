import { LIMITS } from '../../protocol/limits.ts';

const BACKOFF_MS = { first: 50, most: 1_000 };

/** How long a stream has been without a connection, what was tried since, and when that is enough. No clock. */
export class Patience {
  /** Set from the loss of a connection until another one has carried anything at all. */
  private deadlineMs: number | undefined;
  /** Connections, and attempts at them, that were good for nothing. */
  private failed = 0;
  private problem = '';
  private dialProblem = '';

  /**
   * A connection broke. True if another one is worth trying at once; those that break as soon as they are there must not
   * come at full speed.
   */
  lost(problem: string, nowMs: number): boolean {
    if (this.deadlineMs === undefined) {
      this.deadlineMs = nowMs + LIMITS.streamResumeMs;
      this.problem = problem;
      this.dialProblem = '';
    }
    this.failed += 1;
    return this.failed === 1;
  }

  dialFailed(problem: string): void {
    this.failed += 1;
    this.dialProblem = problem;
  }

  /** The peer was heard: the time starts afresh with the next loss. */
  heard(): void {
    this.deadlineMs = undefined;
  }

  /** The connection is good for something. */
  thrive(): void {
    this.failed = 0;
  }

  /** How long the next attempt may take: a busy peer gets more time with each. */
  get dialMs(): number {
    return Math.min(LIMITS.streamDialMs * this.failed, LIMITS.handshakeMs);
  }

  /** Until the next attempt. */
  get backoffMs(): number {
    return Math.min(BACKOFF_MS.first * 2 ** (this.failed - 1), BACKOFF_MS.most);
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
