import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { createMeter } from './meter.ts';
import { TokenBucket } from './token-bucket.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('meter', { timeout: 30_000 }, () => {
  it('counts and lets everything pass at once without a limit', async () => {
    const clock = new FakeClock();
    const meter = createMeter({ clock });
    expect(meter.tryPass(10 * MIB)).toBe(true);
    await meter.pass(1);
    expect(meter.bytes).toBe(10 * MIB + 1);
    expect(clock.pending).toBe(0);
  });

  it('keeps to the limit over time and in the order of arrival', async () => {
    const clock = new FakeClock();
    const meter = createMeter({ clock, limitBytesPerSecond: MIB });
    const passed: number[] = [];
    for (let index = 0; index < 36; index += 1) void meter.pass(64 * KIB).then(() => passed.push(index));
    await clock.advance(1001);
    expect(passed).toEqual(Array.from({ length: 20 }, (_, index) => index));
    await clock.advance(1000);
    expect(passed).toHaveLength(36);
    expect(meter.bytes).toBe(36 * 64 * KIB);
  });

  it('does not let a later piece overtake one that waits', async () => {
    const clock = new FakeClock();
    const meter = createMeter({ clock, limitBytesPerSecond: 64 * KIB });
    const big = meter.pass(320 * KIB);
    expect(meter.tryPass(1)).toBe(false);
    await clock.advance(1000);
    await big;
    expect(meter.bytes).toBe(320 * KIB);
  });

  it('obeys a change of the limit while bytes wait', async () => {
    const clock = new FakeClock();
    const meter = createMeter({ clock, limitBytesPerSecond: 0 });
    let passed = false;
    void meter.pass(MIB).then(() => {
      passed = true;
    });
    await clock.advance(60_000);
    expect(passed).toBe(false);
    meter.setLimit(MIB);
    await clock.advance(700);
    expect(passed).toBe(false);
    meter.setLimit(undefined);
    await clock.advance(0);
    expect(passed).toBe(true);
  });

  it('forgets a waiter that gave up and goes on with the next', async () => {
    const clock = new FakeClock();
    const meter = createMeter({ clock, limitBytesPerSecond: 100 * KIB });
    const giveUp = new AbortController();
    const first = meter.pass(100 * MIB, giveUp.signal);
    const second = meter.pass(64 * KIB);
    giveUp.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await second;
    expect(meter.bytes).toBe(64 * KIB);
    await expect(meter.pass(1, giveUp.signal)).rejects.toThrow('enough');
  });

  it('estimates the rate from the start and lets it fall when nothing passes', async () => {
    const clock = new FakeClock();
    const meter = createMeter({ clock });
    expect(meter.rateBytesPerSecond).toBe(0);
    for (let ms = 0; ms < 300; ms += 1) {
      await meter.pass(1000);
      await clock.advance(1);
    }
    expect(meter.rateBytesPerSecond).toBeGreaterThan(0.9e6);
    expect(meter.rateBytesPerSecond).toBeLessThan(1.1e6);
    await clock.advance(10_000);
    expect(meter.rateBytesPerSecond).toBeLessThan(1_000);
  });

  it('never lets more pass over any stretch of time than the limit and one burst', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10 * KIB, max: 100 * MIB }),
        fc.array(
          fc.record({
            bytes: fc.integer({ min: 1, max: 256 * KIB }),
            waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
            giveUp: fc.boolean(),
          }),
          { minLength: 1, maxLength: 40 },
        ),
        async (limit, steps) => {
          const clock = new FakeClock();
          const meter = createMeter({ clock, limitBytesPerSecond: limit });
          const log: { readonly atMs: number; readonly bytes: number }[] = [];
          for (const step of steps) {
            const abort = new AbortController();
            void meter
              .pass(step.bytes, abort.signal)
              .then(() => log.push({ atMs: clock.monotonicMs(), bytes: step.bytes }))
              .catch(() => {});
            await clock.advance(0);
            await clock.advance(step.waitMs);
            if (step.giveUp) abort.abort(new Error('gave up'));
          }
          await clock.advance(3_600_000);
          expect(clock.pending).toBe(0);
          expect(log.reduce((sum, entry) => sum + entry.bytes, 0)).toBe(meter.bytes);
          const burst = Math.max(new TokenBucket(limit, 0).burstBytes, ...steps.map((step) => step.bytes));
          for (let from = 0; from < log.length; from += 1) {
            let bytes = 0;
            for (let to = from; to < log.length; to += 1) {
              bytes += log[to]!.bytes;
              const seconds = (log[to]!.atMs - log[from]!.atMs) / 1000;
              expect(bytes).toBeLessThanOrEqual(limit * seconds + burst + 1);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
