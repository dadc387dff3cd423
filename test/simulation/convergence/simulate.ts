import type { Round } from '../../../protocol/mod.ts';
import { type Trace, writtenUntil } from './traces.ts';

const PAGE = 4096;
/** The virtual machine of the recorded rounds: 1 Gbit/s as criu fills it, and criu's start and end around each round. */
export const WAY = { linkBytesPerSecond: 120_000_000, roundMs: 600, fixedMs: 200 };
/** A rule that has not ended by then does not end. */
const ENDLESS = 40;

/** What a rule may look at after a round. */
export interface Seen {
  readonly rounds: readonly Round[];
  /** What became dirty since the last round's freeze. Only a hypervisor knows it without another round. */
  readonly pendingBytes: number;
}

/** `share`: another round, with this part of the CPU time left to the container. */
export type Verdict = 'round' | 'final' | { readonly share: number };

/** A stop rule of one tool; `start` makes one for a single move. */
export interface Rule {
  readonly name: string;
  readonly start: () => (seen: Seen) => Verdict;
}

export interface Result {
  readonly rounds: readonly Round[];
  /** All memory that crossed the link. */
  readonly bytes: number;
  /** Undefined: the rule never froze the container. */
  readonly downtimeMs: number | undefined;
  readonly totalMs: number;
  /** CPU time left to the container at the end. */
  readonly share: number;
}

/** One move of a container that writes like `trace`, with as many rounds as `rule` wants. Deterministic. */
export function simulate(trace: Trace, rule: Rule): Result {
  const decide = rule.start();
  const rounds: Round[] = [];
  let share = 1;
  let nowMs = 0;
  let frozenAtMs = 0;
  /** Written since the last freeze until `nowMs`. */
  let written = 0;
  const pass = (ms: number): void => {
    written += share * (writtenUntil(trace, nowMs + ms) - writtenUntil(trace, nowMs));
    nowMs += ms;
  };
  const dirty = (): number => (rounds.length === 0 ? trace.memoryBytes : Math.min(trace.setBytes, written));
  const sendMs = (bytes: number): number => (bytes / WAY.linkBytesPerSecond) * 1000;

  while (rounds.length < ENDLESS) {
    const bytes = pages(dirty()) * PAGE;
    written = 0;
    frozenAtMs = nowMs;
    pass(sendMs(bytes) + WAY.roundMs);
    rounds.push(roundOf(rounds.length + 1, bytes, trace, nowMs - frozenAtMs));
    const verdict = decide({ rounds, pendingBytes: dirty() });
    if (verdict === 'final') {
      const last = pages(dirty()) * PAGE;
      const downtimeMs = WAY.fixedMs + sendMs(last);
      return { rounds, bytes: sum(rounds) + last, downtimeMs, totalMs: nowMs + downtimeMs, share };
    }
    if (verdict !== 'round') share = verdict.share;
  }
  return { rounds, bytes: sum(rounds), downtimeMs: undefined, totalMs: nowMs, share };
}

function roundOf(index: number, bytes: number, trace: Trace, durationMs: number): Round {
  const pagesSkipped = pages(trace.memoryBytes) - bytes / PAGE;
  return { index, pagesWritten: bytes / PAGE, pagesSkipped, bytes, durationMs, frozenMs: 50 };
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE);
}

function sum(rounds: readonly Round[]): number {
  return rounds.reduce((bytes, round) => bytes + round.bytes, 0);
}
