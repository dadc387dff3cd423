import fc from 'fast-check';
import { expect, it } from 'vitest';
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
const THROTTLE_STEPS = 8;

const goals: fc.Arbitrary<ConvergenceGoal> = fc.record({
  iterations: fc.constant('dynamic' as const),
  maxDowntimeMs: fc.nat(5_000),
  maxRounds: fc.integer({ min: 1, max: 12 }),
  maxRoundsMs: fc.option(fc.integer({ min: 1, max: 500_000 }), { nil: undefined }),
  onNonconverge: fc.constantFrom('cutover', 'abort', 'postcopy', 'throttle'),
});
const models = fc.record({
  linkBytesPerSecond: fc.integer({ min: 1, max: 10_000 * MIB }),
  fixedMs: fc.nat(2_000),
});
/** Any figures at all: the rule must stand whatever the kernel and the link do. */
const round: fc.Arbitrary<Round> = fc
  .record({
    pagesWritten: fc.oneof(fc.nat(300_000), fc.nat(100)),
    durationMs: fc.double({ min: 0, max: 20_000, noNaN: true }),
  })
  .map((seen) => ({ ...seen, index: 1, pagesSkipped: 0, bytes: seen.pagesWritten * 4096, frozenMs: 1 }));
/** Repeated for ever. */
const traces = fc.array(round, { minLength: 1, maxLength: 12 });
/** More rounds than any run may take. */
const ENDLESS = 120;

interface Run {
  readonly steps: readonly { readonly state: ConvergenceState; readonly decision: Decision }[];
  /** What the policy got at last. */
  readonly end: Decision['kind'];
}

/** Follows the rule over a trace as the source does, throttle steps included. */
function follow(start: ConvergenceState, trace: readonly Round[]): Run {
  const steps: { state: ConvergenceState; decision: Decision }[] = [];
  let state = start;
  for (let i = 0; i < ENDLESS; i += 1) {
    const step = convergenceStep(state, trace[i % trace.length] as Round);
    steps.push(step);
    state = step.state;
    if (step.decision.kind === 'round') continue;
    const slower =
      step.decision.kind === 'nonconverging' && state.goal.onNonconverge === 'throttle'
        ? nextThrottle(state)
        : undefined;
    if (!slower) return { steps, end: step.decision.kind };
    state = slower.state;
  }
  throw new Error(`no end after ${ENDLESS} rounds`);
}

it('always ends, within the rounds allowed, with numbers in every reason', () => {
  fc.assert(
    fc.property(goals, models, traces, (goal, model, trace) => {
      const { steps } = follow(convergenceStart(goal, model), trace);
      const stages = goal.onNonconverge === 'throttle' ? THROTTLE_STEPS + 1 : 1;
      expect(steps.length).toBeLessThanOrEqual(goal.maxRounds * stages);
      for (const { decision } of steps) expect(decision.reason).toMatch(/\d+ ms|\d s/);
    }),
  );
});

it('never starts a round that it predicts useless', () => {
  fc.assert(
    fc.property(goals, models, traces, (goal, model, trace) => {
      for (const { state, decision } of follow(convergenceStart(goal, model), trace).steps) {
        if (decision.kind !== 'round') continue;
        expect(predictedDowntimeMs(state)).toBeGreaterThan(goal.maxDowntimeMs);
        const spentMs = state.rounds.reduce((sum, { durationMs }) => sum + durationMs, 0);
        const endMs = state.rounds.length < 2 ? 0 : predictedDowntimeMs(state);
        expect(spentMs + endMs).toBeLessThanOrEqual(goal.maxRoundsMs ?? Number.POSITIVE_INFINITY);
        const bandwidth = Math.min(
          state.linkBytesPerSecond,
          state.model.bandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY,
        );
        expect(dirtyRateBytesPerSecond(state) ?? -1).toBeLessThan(Math.max(1, bandwidth));
        const [first, second, third] = state.rounds.slice(state.judgedFrom).slice(-3);
        if (first && second && third)
          expect(second.bytes < 0.9 * first.bytes || third.bytes < 0.9 * second.bytes).toBe(true);
        const [before, last] = state.rounds.slice(state.judgedFrom).slice(-2);
        if (state.share !== undefined && before && last) expect(last.bytes).toBeLessThan(0.9 * before.bytes);
      }
    }),
  );
});

it('never predicts a longer downtime for more bandwidth, neither of the link nor of the limit', () => {
  const factor = fc.double({ min: 1, max: 1_000, noNaN: true });
  const limit = fc.option(fc.integer({ min: 1, max: 1_000 * MIB }), { nil: undefined });
  fc.assert(
    fc.property(goals, models, limit, factor, traces, (goal, model, limited, more, trace) => {
      const after = (link: number, bandwidth: number | undefined) =>
        trace.slice(0, 6).reduce(
          (state, one) => convergenceStep(state, one).state,
          convergenceStart(goal, {
            ...model,
            linkBytesPerSecond: link,
            bandwidthBytesPerSecond: bandwidth,
          }),
        );
      const link = model.linkBytesPerSecond;
      const slow = after(link, limited);
      const predicted = predictedDowntimeMs(slow) * (1 + 1e-9);
      expect(predictedDowntimeMs(after(link * more, limited))).toBeLessThanOrEqual(predicted);
      expect(predictedDowntimeMs(after(link, limited && limited * more))).toBeLessThanOrEqual(predicted);
      const raised = adjust(slow, { bandwidthBytesPerSecond: (limited ?? link) * more });
      if (limited !== undefined) expect(predictedDowntimeMs(raised)).toBeLessThanOrEqual(predicted);
    }),
  );
});

it('keeps to the bandwidth limit: never predicts a transfer faster than it', () => {
  fc.assert(
    fc.property(
      goals,
      models,
      fc.integer({ min: 1, max: 100 * MIB }),
      traces,
      fc.boolean(),
      (goal, model, bandwidthBytesPerSecond, trace, late) => {
        let state = convergenceStart(goal, late ? model : { ...model, bandwidthBytesPerSecond });
        if (late) state = adjust(state, { bandwidthBytesPerSecond });
        for (const one of trace.slice(0, 2)) state = convergenceStep(state, one).state;
        // Before the third round the rest is the whole of the last one.
        const rest = trace.slice(0, 2).at(-1)?.bytes ?? 0;
        const fastest = (rest / bandwidthBytesPerSecond) * 1_000 + model.fixedMs;
        expect(predictedDowntimeMs(state)).toBeGreaterThanOrEqual(fastest * (1 - 1e-9));
      },
    ),
  );
});

it('a fixed number of rounds is exactly that number', () => {
  fc.assert(
    fc.property(goals, models, traces, fc.integer({ min: 1, max: 20 }), (goal, model, trace, iterations) => {
      const { steps, end } = follow(convergenceStart({ ...goal, iterations }, model), trace);
      expect(steps).toHaveLength(iterations);
      expect(end).toBe('final');
    }),
  );
});

it('never takes more rounds for more downtime', () => {
  fc.assert(
    fc.property(goals, models, traces, fc.nat(5_000), (goal, model, trace, more) => {
      const strict = follow(convergenceStart(goal, model), trace);
      const generous = { ...goal, maxDowntimeMs: goal.maxDowntimeMs + more };
      const loose = follow(convergenceStart(generous, model), trace);
      expect(loose.steps.length).toBeLessThanOrEqual(strict.steps.length);
      if (strict.end === 'final') expect(loose.end).toBe('final');
    }),
  );
});

it('is deterministic and leaves what it was given alone', () => {
  fc.assert(
    fc.property(goals, models, traces, (goal, model, trace) => {
      const start = convergenceStart(goal, model);
      const copy = structuredClone(start);
      const first = follow(start, trace);
      expect(start).toEqual(copy);
      expect(follow(structuredClone(start), trace)).toEqual(first);
    }),
  );
});
