/** Time as the agent sees it; simulated in tests. */
export interface Clock {
  /** Wall clock, Unix milliseconds: what travels in messages and job records. */
  nowMs(): number;
  /** Never steps back; for durations. Milliseconds, fractions included. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `action` once after `ms`; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}
