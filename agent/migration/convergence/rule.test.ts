import { describe, expect, it } from 'vitest';
import type { Round } from '../../../protocol/mod.ts';
import {
  adjust,
  type ConvergenceGoal,
  type ConvergenceState,
  convergenceStart,
  convergenceStep,
  type Decision,
  dirtyRateBytesPerSecond,
  nextThrottle,
  predictedDowntimeMs,
} from './mod.ts';

const MIB = 1024 * 1024;
const GOAL: ConvergenceGoal = {
  iterations: 'dynamic',
  maxDowntimeMs: 300,
  maxRounds: 8,
  onNonconverge: 'cutover',
};
const MODEL = { linkBytesPerSecond: 100 * MIB, fixedMs: 100 };

/** Rounds of so many MiB, each as long as a link of 100 MiB/s makes it. */
const rounds = (...mib: number[]): Round[] => mib.map((one, i) => round(i + 1, one, one * 10));

function round(index: number, mib: number, durationMs: number): Round {
  const bytes = mib * MIB;
  return { index, pagesWritten: bytes / 4096, pagesSkipped: 0, bytes, durationMs, frozenMs: 10 };
}

function run(
  seen: readonly Round[],
  goal: Partial<ConvergenceGoal> = {},
): { state: ConvergenceState; decisions: Decision[] } {
  let state = convergenceStart({ ...GOAL, ...goal }, MODEL);
  const decisions: Decision[] = [];
  for (const one of seen) {
    const step = convergenceStep(state, one);
    state = step.state;
    decisions.push(step.decision);
  }
  return { state, decisions };
}

describe('convergenceStep', () => {
  it.each<[string, number[], Partial<ConvergenceGoal>, Decision['kind'], RegExp]>([
    ['small enough to freeze at once', [15], {}, 'final', /^250 ms expected \(150 ms for the rest, 100 ms/],
    [
      'no time for another',
      [1000, 80],
      { maxRoundsMs: 12_400 },
      'nonconverging',
      /took 10\.8 s, .* need 1\.7 s, and 12\.4 s/,
    ],
    [
      'a first round that took long, not knowing the next',
      [1000],
      { maxRoundsMs: 10_100 },
      'round',
      /another round/,
    ],
    ['just time for another', [1000, 80], { maxRoundsMs: 12_500 }, 'round', /another round/],
    ['the goal reached though late', [1000, 1], { maxRoundsMs: 1 }, 'final', /^110 ms/],
    ['nothing known but the whole memory', [1000], {}, 'round', /^10\.1 s expected .* 300 ms wanted/],
    ['an idle container', [1000, 1], {}, 'final', /^110 ms expected/],
    ['a first change of which nobody knows how it grows', [1000, 100], {}, 'round', /^1\.1 s expected/],
    ['half as much each time', [1000, 80, 40], {}, 'final', /^300 ms expected \(200 ms for the rest/],
    ['a bit less each time', [1000, 80, 65], {}, 'round', /^628 ms expected/],
    ['as much once', [1000, 100, 95], {}, 'round', /another round/],
    ['as much twice', [1000, 100, 95, 93], {}, 'nonconverging', /100 MiB, 95\.0 MiB, 93\.0 MiB in the last/],
    ['as much, less, as much', [1000, 100, 95, 70, 68], {}, 'round', /another round/],
    ['more than the link carries', [100, 120], {}, 'nonconverging', /^120 MiB\/s get dirty, and the link/],
    ['the last round allowed', [1000, 100, 80], { maxRounds: 3 }, 'nonconverging', /^3 rounds are used up/],
    ['the only round allowed', [1000], { maxRounds: 1 }, 'nonconverging', /^1 round is used up/],
    ['a goal below the fixed cost', [1000, 20], { maxDowntimeMs: 50 }, 'round', /another round/],
    ['the fixed cost reached', [1000, 1], { maxDowntimeMs: 50 }, 'final', /^110 ms .* 50 ms wanted$/],
    ['a fixed number, before it', [1000], { iterations: 2 }, 'round', /^round 1 of 2/],
    ['a fixed number', [1000, 1000], { iterations: 2, maxRounds: 1 }, 'final', /^round 2 of 2/],
  ])('%s', (_what, mib, goal, kind, reason) => {
    const last = run(rounds(...mib), goal).decisions.at(-1);
    expect(last?.kind).toBe(kind);
    expect(last?.reason).toMatch(reason);
  });

  const link = (...seen: Round[]) => run(seen).state.linkBytesPerSecond / MIB;

  it('takes the link as the first round shows it, when that moved enough', () => {
    expect(link(round(1, 1000, 100_000))).toBeCloseTo(12.8, 1);
    expect(link(round(1, 3, 3_000))).toBe(100);
  });

  it('does not take what criu itself needs for a slow link', () => {
    // 600 ms of criu's own in each, 100 MiB/s.
    const seen = [round(1, 1000, 10_600), round(2, 200, 2_600), round(3, 20, 800), round(4, 15, 750)];
    expect(link(...seen)).toBeGreaterThan(98);
    expect(link(...seen)).toBeLessThanOrEqual(100);
  });

  it('notices that the link has become slower', () => {
    const seen = [round(1, 1000, 10_100), round(2, 200, 10_100), round(3, 100, 5_100)];
    expect(link(...seen)).toBeLessThan(50);
  });

  it('takes the time of the rounds into account where it shrinks less than the bytes', () => {
    // Criu's start makes a round of 10 MiB nearly as long as one of 40.
    const { state } = run([round(1, 1000, 10_000), round(2, 40, 600), round(3, 20, 500)]);
    expect(predictedDowntimeMs(state)).toBeGreaterThan(100 + 160);
  });
});

describe('dirtyRateBytesPerSecond', () => {
  it('is what changed since the round before began', () => {
    expect(dirtyRateBytesPerSecond(run(rounds(1000)).state)).toBeUndefined();
    expect(dirtyRateBytesPerSecond(run(rounds(1000, 100)).state)).toBe(10 * MIB);
  });
});

describe('adjust', () => {
  it('counts from the next decision on', () => {
    const { state } = run(rounds(1000, 100));
    const eager = adjust(state, { maxDowntimeMs: 1_000 });
    expect(convergenceStep(eager, round(3, 85, 850)).decision.kind).toBe('final');
    expect(convergenceStep(state, round(3, 85, 850)).decision.kind).toBe('round');
    expect(adjust(state, {}).goal).toEqual(state.goal);
  });

  it('never expects more of the link than the limit, and forgets a limit that was raised', () => {
    let state = convergenceStart(GOAL, { ...MODEL, bandwidthBytesPerSecond: 10 * MIB });
    state = convergenceStep(state, round(1, 100, 10_000)).state;
    expect(predictedDowntimeMs(state)).toBe(10_100);
    state = adjust(state, { bandwidthBytesPerSecond: 50 * MIB });
    expect(predictedDowntimeMs(state)).toBe(2_100);
    state = adjust(state, { bandwidthBytesPerSecond: 1_000 * MIB });
    expect(predictedDowntimeMs(state)).toBe(1_100);
    state = adjust(state, { bandwidthBytesPerSecond: 5 * MIB });
    expect(predictedDowntimeMs(state)).toBe(20_100);
  });
});

describe('nextThrottle', () => {
  it('leaves less each time, down to a tenth', () => {
    const shares: number[] = [];
    let { state } = run(rounds(100, 120));
    for (let step = nextThrottle(state); step; step = nextThrottle(state)) {
      shares.push(step.share);
      state = step.state;
    }
    expect(shares).toEqual([0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]);
  });

  it('does not begin when there is no time left', () => {
    expect(nextThrottle(run(rounds(100, 120), { maxRoundsMs: 4_000 }).state)).toBeUndefined();
    expect(nextThrottle(run(rounds(100, 120), { maxRoundsMs: 5_000 }).state)?.share).toBe(0.8);
  });

  it('does not hold against the container what it wrote before', () => {
    const step = nextThrottle(run(rounds(100, 120), { maxRounds: 2 }).state);
    if (!step) throw new Error('a first step is always there');
    const first = convergenceStep(step.state, round(3, 120, 1_200));
    expect(first.decision.kind).toBe('round');
    expect(dirtyRateBytesPerSecond(first.state)).toBeUndefined();
    const helped = convergenceStep(first.state, round(4, 90, 900));
    expect(helped.decision.kind).toBe('nonconverging');
    expect(helped.decision.reason).toMatch(/^2 rounds are used up at 0.8 of the CPU time/);
    const second = convergenceStep(first.state, round(4, 130, 1_300));
    expect(second.decision.kind).toBe('nonconverging');
    expect(second.decision.reason).toMatch(/^108 MiB\/s get dirty/);
  });
});
