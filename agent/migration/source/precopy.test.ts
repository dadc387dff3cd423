import { describe, expect, it } from 'vitest';
import type { Round } from '../../../protocol/mod.ts';
import { FIRST_GUESS } from '../../preflight/pair-model.ts';
import type { ConvergenceGoal } from '../convergence/mod.ts';
import { convergenceModel } from './goal.ts';
import { Precopy, type PrecopyFigures, type PrecopyRequest } from './precopy.ts';

const MIB = 1024 * 1024;
const MODEL = { ...FIRST_GUESS, linkBytesPerSecond: 100 * MIB, fixedMs: 100 };
const GOAL: ConvergenceGoal = {
  iterations: 'dynamic',
  maxDowntimeMs: 300,
  maxRounds: 8,
  onNonconverge: 'cutover',
};

/** Rounds of so many MiB over a link of 100 MiB/s; the last one for ever. */
function precopy(mib: readonly number[], change: Partial<PrecopyRequest> = {}) {
  const told: PrecopyFigures[] = [];
  const shares: number[] = [];
  const run = new Precopy({
    container: 'web',
    mode: 'precopy',
    goal: GOAL,
    model: MODEL,
    memoryBytes: 0,
    round: async (index): Promise<Round> => {
      const size = mib[Math.min(index, mib.length) - 1] ?? 0;
      const bytes = size * MIB;
      return {
        index,
        pagesWritten: bytes / 4096,
        pagesSkipped: 0,
        bytes,
        durationMs: size * 10,
        frozenMs: 1,
      };
    },
    throttle: async (share) => void shares.push(share),
    began: () => {},
    told: (figures) => void told.push(figures),
    ...change,
  });
  return { run, told, shares };
}

const goal = (onNonconverge: ConvergenceGoal['onNonconverge']) => ({ goal: { ...GOAL, onNonconverge } });
const ENDLESS = [500, 500];

describe('Precopy', () => {
  it('goes on until the goal is reached, and says what is left each time', async () => {
    const { run, told } = precopy([1000, 80, 40]);
    expect(await run.run()).toEqual({ mode: 'precopy', rounds: 3 });
    expect(told.map(({ restBytes }) => restBytes)).toEqual([undefined, 80 * MIB, 20 * MIB]);
    expect(told.at(-1)).toMatchObject({ expectedDowntimeMs: 300, dirtyRateBytesPerSecond: 50 * MIB });
  });

  it('does exactly as many rounds as asked', async () => {
    const fixed = (iterations: number) => precopy(ENDLESS, { goal: { ...GOAL, iterations } }).run.run();
    expect(await fixed(0)).toEqual({ mode: 'precopy', rounds: 0 });
    expect(await fixed(2)).toEqual({ mode: 'precopy', rounds: 2 });
    expect(await fixed(12)).toEqual({ mode: 'precopy', rounds: 12 });
  });

  it.each([
    ['cutover', { mode: 'precopy', rounds: 2 }],
    ['postcopy', { mode: 'hybrid', rounds: 2 }],
  ] as const)('ends a container that does not converge by %s', async (policy, way) => {
    expect(await precopy(ENDLESS, goal(policy)).run.run()).toEqual(way);
  });

  it('gives such a container up with abort, saying why', async () => {
    await expect(precopy(ENDLESS, goal('abort')).run.run()).rejects.toMatchObject({
      code: 'NOT_CONVERGING',
      message: expect.stringContaining('100 MiB/s get dirty'),
    });
  });

  it('slows such a container down step by step, and cuts over at last', async () => {
    const { run, shares } = precopy(ENDLESS, goal('throttle'));
    expect(await run.run()).toMatchObject({ mode: 'precopy' });
    expect(shares).toEqual([0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]);
  });

  it('in hybrid shortens the rest, and expects the fixed cost as downtime', async () => {
    const { run, told } = precopy([1000, 25], { mode: 'hybrid' });
    run.adjust({ maxDowntimeMs: 1 });
    expect(await run.run()).toEqual({ mode: 'hybrid', rounds: 2 });
    expect(told.map(({ expectedDowntimeMs }) => expectedDowntimeMs)).toEqual([100, 100]);
  });

  it('takes a new wish between two rounds', async () => {
    const seen = precopy([1000, 80, 70, 60, 50], { told: () => seen.run.adjust({ maxDowntimeMs: 1_000 }) });
    expect(await seen.run.run()).toEqual({ mode: 'precopy', rounds: 2 });
  });
});

describe('convergenceModel', () => {
  it('counts what a restore in pre-copy waits for its memory, not in hybrid', () => {
    const load = { model: MODEL, memoryBytes: 1024 * MIB, bandwidthBytesPerSecond: 7 };
    expect(convergenceModel({ ...load, mode: 'precopy' })).toEqual({
      linkBytesPerSecond: 100 * MIB,
      bandwidthBytesPerSecond: 7,
      fixedMs: 350,
    });
    expect(convergenceModel({ ...load, mode: 'hybrid' }).fixedMs).toBe(0);
  });
});
