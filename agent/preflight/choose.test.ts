import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import { chooseMode, type ModeQuestion, predict } from './choose.ts';
import { FIRST_GUESS, learn, type MoveObservation } from './pair-model.ts';

const MIB = 1024 * 1024;
const QUESTION: ModeQuestion = {
  requested: 'auto',
  source: { node: 'n1', features: {} },
  target: { node: 'n2', features: { 'uffd-noncoop': true } },
  memoryBytes: 440 * MIB,
  linkBytesPerSecond: 120 * MIB,
  fixedMs: 380,
  maxExposureMs: 10_000,
};
const NO_UFFD = { target: { node: 'n2', features: { 'uffd-noncoop': false } } };

const questions: fc.Arbitrary<ModeQuestion> = fc.record({
  requested: fc.constant('auto' as const),
  source: fc.record({
    node: fc.constant('n1'),
    features: fc.dictionary(fc.constant('mem_dirty_track'), fc.boolean()),
  }),
  target: fc.record({
    node: fc.constant('n2'),
    features: fc.dictionary(fc.constant('uffd-noncoop'), fc.boolean()),
  }),
  memoryBytes: fc.nat(2 ** 40),
  linkBytesPerSecond: fc.double({ min: 1, max: 1e11, noNaN: true }),
  fixedMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
  maxExposureMs: fc.nat(100_000),
});

describe('chooseMode', () => {
  it('takes the lowest downtime within the exposure, and says what each would cost', () => {
    expect(chooseMode(QUESTION)).toEqual({
      mode: 'postcopy',
      reason: 'postcopy: 380 ms predicted, exposed for 3.7 s; cold: 4.5 s',
      predictedDowntimeMs: 380,
      predictedExposureMs: expect.closeTo(3666.7, 0),
    });
  });

  it('falls back to cold, naming what is missing', () => {
    expect(chooseMode({ ...QUESTION, ...NO_UFFD })).toMatchObject({
      mode: 'cold',
      reason: 'cold: 4.5 s predicted; postcopy: not possible, n2 lacks uffd-noncoop',
      predictedExposureMs: 0,
    });
  });

  it('keeps to the exposure limit when it chooses, but not against an explicit wish', () => {
    const limited = { ...QUESTION, maxExposureMs: 2_000 };
    expect(chooseMode(limited)).toMatchObject({
      mode: 'cold',
      reason: 'cold: 4.5 s predicted; postcopy: 380 ms, exposed for 3.7 s (over the limit of 2.0 s)',
    });
    expect(chooseMode({ ...limited, requested: 'postcopy' })).toMatchObject({
      mode: 'postcopy',
      reason:
        'as asked; postcopy: 380 ms predicted, exposed for 3.7 s (over the limit of 2.0 s); cold: 4.5 s',
    });
  });

  it.each<[string, Partial<ModeQuestion>, string]>([
    ['a feature is missing', { requested: 'postcopy', ...NO_UFFD }, 'n2 lacks uffd-noncoop'],
    ['exposure is forbidden', { requested: 'postcopy', maxExposureMs: 0 }, 'exposure is limited to 0'],
    ['the mode is not built yet', { requested: 'precopy' }, 'this version does not do it'],
  ])('refuses an asked mode when %s', (_when, change, problem) => {
    const attempt = () => chooseMode({ ...QUESTION, ...change });
    expect(attempt).toThrow(GodwitError);
    expect(attempt).toThrow(`mode ${change.requested} is not possible between n1 and n2: ${problem}`);
  });

  it('is deterministic, always finds a mode, and never exposes where that is forbidden', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const choice = chooseMode(question);
        expect(chooseMode(structuredClone(question))).toEqual(choice);
        expect(chooseMode({ ...question, maxExposureMs: 0 }).predictedExposureMs).toBe(0);
        expect(chooseMode({ ...question, maxExposureMs: 0 }).mode).toBe('cold');
        expect(choice.predictedExposureMs).toBeLessThanOrEqual(question.maxExposureMs);
      }),
    );
  });

  it('never predicts a longer downtime for more bandwidth or less memory', () => {
    fc.assert(
      fc.property(questions, fc.double({ min: 1, max: 1000, noNaN: true }), (question, factor) => {
        const { predictedDowntimeMs } = chooseMode(question);
        const faster = { ...question, linkBytesPerSecond: question.linkBytesPerSecond * factor };
        expect(chooseMode(faster).predictedDowntimeMs).toBeLessThanOrEqual(predictedDowntimeMs);
        const smaller = { ...question, memoryBytes: question.memoryBytes / factor };
        expect(chooseMode(smaller).predictedDowntimeMs).toBeLessThanOrEqual(predictedDowntimeMs);
      }),
    );
  });
});

describe('learn', () => {
  const cold: MoveObservation = {
    mode: 'cold',
    downtimeMs: 4_500,
    memoryBytes: 1024 * MIB,
    transferMs: 3_000,
  };
  const postcopy: MoveObservation = {
    mode: 'postcopy',
    downtimeMs: 350,
    memoryBytes: 1024 * MIB,
    transferMs: 2_048,
  };

  it('believes the first move more than the guess, then averages', () => {
    const first = learn(FIRST_GUESS, postcopy);
    expect(first).toEqual({ linkBytesPerSecond: 500 * MIB, fixedMs: 350, observations: 1 });
    const second = learn(first, { ...postcopy, downtimeMs: 450 });
    expect(second.fixedMs).toBe(400);
  });

  it('finds the fixed cost of a cold move, and predicts that move again', () => {
    const model = learn(FIRST_GUESS, cold);
    expect(model.fixedMs).toBe(500);
    expect(predict('cold', { ...model, memoryBytes: cold.memoryBytes }).downtimeMs).toBeCloseTo(4_500);
  });

  it('leaves the bandwidth alone when next to nothing was sent', () => {
    expect(learn(FIRST_GUESS, { ...postcopy, memoryBytes: 1000 }).linkBytesPerSecond).toBe(
      FIRST_GUESS.linkBytesPerSecond,
    );
  });

  it('stays within bounds whatever it is told', () => {
    const numbers = fc.double();
    const mode = fc.constantFrom('cold', 'precopy', 'postcopy', 'hybrid');
    const seen = fc.record({ mode, downtimeMs: numbers, memoryBytes: numbers, transferMs: numbers });
    fc.assert(
      fc.property(fc.array(seen as fc.Arbitrary<MoveObservation>), (moves) => {
        const model = moves.reduce(learn, FIRST_GUESS);
        expect(model.fixedMs).toBeGreaterThan(0);
        expect(model.fixedMs).toBeLessThanOrEqual(60_000);
        expect(model.linkBytesPerSecond).toBeGreaterThanOrEqual(1);
        expect(model.linkBytesPerSecond).toBeLessThanOrEqual(1e11);
      }),
    );
  });
});
