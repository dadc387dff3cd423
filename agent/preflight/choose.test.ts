import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mode } from '../../protocol/mod.ts';
import { chooseMode, type ModeQuestion, predict } from './choose.ts';
import { FIRST_GUESS, learn, type MoveObservation } from './pair-model.ts';

const MIB = 1024 * 1024;
const QUESTION: ModeQuestion = {
  requested: 'auto',
  spec: {},
  source: { node: 'n1', features: {} },
  target: { node: 'n2', features: { 'uffd-noncoop': true } },
  memoryBytes: 440 * MIB,
  linkBytesPerSecond: 120 * MIB,
  fixedMs: 380,
  lastShare: 0.05,
  maxExposureMs: 10_000,
};
const TRACKS = { source: { node: 'n1', features: { mem_dirty_track: true } } };
const NO_UFFD = { target: { node: 'n2', features: { 'uffd-noncoop': false } } };

const questions: fc.Arbitrary<ModeQuestion> = fc.record({
  requested: fc.constant('auto' as const),
  spec: fc.constant({}),
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
  lastShare: fc.double({ min: 0, max: 1, noNaN: true }),
  maxExposureMs: fc.nat(100_000),
});

describe('chooseMode', () => {
  it('takes the lowest downtime within the exposure, and says what each would cost', () => {
    expect(chooseMode({ ...QUESTION, ...TRACKS })).toEqual({
      mode: 'hybrid',
      reason:
        'hybrid: 380 ms predicted, exposed for 183 ms; cold: 4.5 s; precopy: 813 ms; postcopy: 380 ms, exposed for 3.7 s',
      predictedDowntimeMs: 380,
      predictedExposureMs: expect.closeTo(183.3, 0),
    });
  });

  it.each<[string, Partial<ModeQuestion>, Mode]>([
    ['both ends can do everything', TRACKS, 'hybrid'],
    ['the source does not track memory', {}, 'postcopy'],
    ['the target cannot fetch pages later', { ...TRACKS, ...NO_UFFD }, 'precopy'],
    ['neither is possible', NO_UFFD, 'cold'],
    ['exposure is forbidden', { ...TRACKS, maxExposureMs: 0 }, 'precopy'],
    ['exposure is forbidden, and memory not tracked', { maxExposureMs: 0 }, 'cold'],
    ['post-copy would be exposed too long', { ...TRACKS, maxExposureMs: 1_000 }, 'hybrid'],
    ['hybrid too', { ...TRACKS, maxExposureMs: 100 }, 'precopy'],
    ['cold is nearly as quick: 100 ms', { ...TRACKS, memoryBytes: 10 * MIB }, 'cold'],
    ['pre-copy is nearly as quick: a quarter', { ...TRACKS, fixedMs: 3_000 }, 'precopy'],
    ['hybrid and post-copy are the same', { ...TRACKS, lastShare: 1 }, 'hybrid'],
  ])('chooses when %s', (_when, change, mode) => {
    expect(chooseMode({ ...QUESTION, ...change }).mode).toBe(mode);
  });

  it('falls back to cold, naming what is missing', () => {
    expect(chooseMode({ ...QUESTION, ...NO_UFFD })).toMatchObject({
      mode: 'cold',
      reason:
        'cold: 4.5 s predicted; precopy: not possible, n1 lacks mem_dirty_track; ' +
        'hybrid: not possible, n1 lacks mem_dirty_track, n2 lacks uffd-noncoop; ' +
        'postcopy: not possible, n2 lacks uffd-noncoop',
      predictedExposureMs: 0,
    });
  });

  it('keeps to the exposure limit when it chooses, but not against an explicit wish', () => {
    const limited = { ...QUESTION, maxExposureMs: 2_000 };
    expect(chooseMode(limited)).toMatchObject({
      mode: 'cold',
      reason: expect.stringContaining('postcopy: 380 ms, exposed for 3.7 s (over the limit of 2.0 s)'),
    });
    expect(chooseMode({ ...limited, requested: 'postcopy' })).toMatchObject({
      mode: 'postcopy',
      reason: expect.stringMatching(
        /^as asked; postcopy: 380 ms predicted, exposed for 3\.7 s \(over the limit of 2\.0 s\); cold: 4\.5 s/,
      ),
    });
  });

  it.each<[string, Partial<ModeQuestion>, string, string]>([
    [
      'a feature is missing',
      { requested: 'postcopy', ...NO_UFFD },
      'n2 lacks uffd-noncoop',
      'CONFIG_USERFAULTFD',
    ],
    [
      'exposure is forbidden',
      { requested: 'hybrid', ...TRACKS, maxExposureMs: 0 },
      'exposure is limited to 0',
      '--max-exposure',
    ],
    ['memory is not tracked', { requested: 'precopy' }, 'n1 lacks mem_dirty_track', 'CONFIG_MEM_SOFT_DIRTY'],
  ])('refuses an asked mode when %s, with the cure', (_when, change, problem, cure) => {
    const attempt = () => chooseMode({ ...QUESTION, ...change });
    expect(attempt).toThrow(`mode ${change.requested} is not possible between n1 and n2: ${problem}`);
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'MODE_UNAVAILABLE', hint: expect.stringContaining(cure) }),
    );
  });

  it('is deterministic, always finds a mode, and never exposes where that is forbidden', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const choice = chooseMode(question);
        expect(chooseMode(structuredClone(question))).toEqual(choice);
        expect(chooseMode({ ...question, maxExposureMs: 0 }).predictedExposureMs).toBe(0);
        expect(chooseMode({ ...question, maxExposureMs: 0 }).mode).toMatch(/^(cold|precopy)$/);
        expect(choice.predictedExposureMs).toBeLessThanOrEqual(question.maxExposureMs);
      }),
    );
  });

  it('never predicts a longer downtime for more bandwidth or less memory, but for what safety may cost', () => {
    fc.assert(
      fc.property(questions, fc.double({ min: 1, max: 1000, noNaN: true }), (question, factor) => {
        const before = chooseMode(question).predictedDowntimeMs;
        const predictedDowntimeMs = Math.max(before * 1.25, before + 100) * (1 + 1e-9);
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
    rounds: [],
  };
  const postcopy: MoveObservation = {
    mode: 'postcopy',
    downtimeMs: 350,
    memoryBytes: 1024 * MIB,
    transferMs: 2_048,
    rounds: [],
  };
  const precopy: MoveObservation = {
    mode: 'precopy',
    downtimeMs: 1_700,
    memoryBytes: (1024 + 256 + 100) * MIB,
    transferMs: 0,
    rounds: [
      { bytes: 1024 * MIB, durationMs: 2_048 },
      { bytes: 256 * MIB, durationMs: 512 },
    ],
  };

  it('believes the first move more than the guess, then averages', () => {
    const first = learn(FIRST_GUESS, postcopy);
    expect(first).toEqual({ ...FIRST_GUESS, linkBytesPerSecond: 500 * MIB, fixedMs: 350, observations: 1 });
    const second = learn(first, { ...postcopy, downtimeMs: 450 });
    expect(second.fixedMs).toBe(400);
  });

  it('finds the fixed cost of a cold move, and predicts that move again', () => {
    const model = learn(FIRST_GUESS, cold);
    expect(model.fixedMs).toBe(500);
    expect(predict('cold', { ...model, memoryBytes: cold.memoryBytes }).downtimeMs).toBeCloseTo(4_500);
  });

  it('finds the link in the first round, and what the rounds left over', () => {
    const model = learn(FIRST_GUESS, precopy);
    expect(model.linkBytesPerSecond).toBe(500 * MIB);
    expect(model.fixedMs).toBeCloseTo(1_700 - 200 - 250);
    expect(model.lastShare).toBeCloseTo(0.05 + 0.3 * (100 / 1024 - 0.05));
    const often = Array.from({ length: 30 }, () => precopy).reduce(learn, FIRST_GUESS);
    expect(predict('precopy', { ...often, memoryBytes: 1024 * MIB }).downtimeMs).toBeCloseTo(1_700, 0);
  });

  it('does not take what criu itself needs in each round for the link', () => {
    const slower = (ownMs: number) =>
      learn(FIRST_GUESS, {
        ...precopy,
        rounds: precopy.rounds.map((round) => ({ ...round, durationMs: round.durationMs + ownMs })),
      });
    expect(slower(600).linkBytesPerSecond).toBe(500 * MIB);
    // As if the link had slowed down after the first round.
    const [whole, rest] = precopy.rounds;
    const rounds = whole && rest ? [whole, { ...rest, durationMs: whole.durationMs - 1 }] : [];
    expect(learn(FIRST_GUESS, { ...precopy, rounds }).linkBytesPerSecond).toBe(750 * MIB);
  });

  it('takes the downtime of a hybrid move as the fixed cost, and its page phase as what was left over', () => {
    const model = learn(FIRST_GUESS, { ...precopy, mode: 'hybrid', downtimeMs: 400 });
    expect(model.fixedMs).toBe(400);
    expect(model.lastShare).toBeGreaterThan(FIRST_GUESS.lastShare);
  });

  it('leaves the bandwidth alone when next to nothing was sent', () => {
    expect(learn(FIRST_GUESS, { ...postcopy, memoryBytes: 1000 }).linkBytesPerSecond).toBe(
      FIRST_GUESS.linkBytesPerSecond,
    );
  });

  it('stays within bounds whatever it is told', () => {
    const numbers = fc.double();
    const mode = fc.constantFrom('cold', 'precopy', 'postcopy', 'hybrid');
    const rounds = fc.array(fc.record({ bytes: numbers, durationMs: numbers }), { maxLength: 4 });
    const seen = fc.record({ mode, downtimeMs: numbers, memoryBytes: numbers, transferMs: numbers, rounds });
    fc.assert(
      fc.property(fc.array(seen as fc.Arbitrary<MoveObservation>), (moves) => {
        const model = moves.reduce(learn, FIRST_GUESS);
        expect(model.fixedMs).toBeGreaterThan(0);
        expect(model.fixedMs).toBeLessThanOrEqual(60_000);
        expect(model.linkBytesPerSecond).toBeGreaterThanOrEqual(1);
        expect(model.linkBytesPerSecond).toBeLessThanOrEqual(1e11);
        expect(model.lastShare).toBeGreaterThanOrEqual(0);
        expect(model.lastShare).toBeLessThanOrEqual(1);
      }),
    );
  });
});
