import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { createMeter } from './meter.ts';
import { SharedLink } from './shared-link.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** In small steps: between two pieces a move takes some turns of the event loop. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 20) await clock.advance(20);
}

/** Moves that each have the next piece when the last one is through, as streams do. */
function moves(clock: FakeClock, limitBytesPerSecond: number) {
  const link = new SharedLink({ clock, limitBytesPerSecond });
  return {
    link,
    begin(job: string, pieceBytes: number, own?: number) {
      const meter = createMeter({ clock, limitBytesPerSecond: own, share: { link, job } });
      const end = new AbortController();
      const send = async () => {
        for (;;) await meter.pass(pieceBytes, end.signal);
      };
      send().catch(() => {});
      return { meter, end: () => end.abort(), limit: (bytes?: number) => meter.setLimit(bytes) };
    },
  };
}

describe('shared link', () => {
  it('holds nothing back without a limit', async () => {
    const link = new SharedLink({ clock: new FakeClock() });
    expect(link.tryPass('a', 100 * MIB)).toBe(true);
    await link.pass('a', 100 * MIB);
  });

  it('gives every move the same bytes, whatever the size of its pieces', async () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 256 * KIB }), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(pieces, async (sizes) => {
        const clock = new FakeClock();
        const { begin } = moves(clock, MIB);
        // Small ones would take a million turns; two streams of one job are still one job.
        const all = sizes.map((size, index) => begin(`job${index}`, Math.max(4 * KIB, size)));
        await pass(clock, 20_000);
        const bytes = all.map(({ meter }) => meter.bytes);
        for (const { end } of all) end();
        expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThanOrEqual(2 * 256 * KIB);
        expect(bytes.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(19 * MIB);
      }),
      { numRuns: 20 },
    );
  });

  it('counts the streams of one move as one', async () => {
    const clock = new FakeClock();
    const { begin } = moves(clock, MIB);
    const [one, again, other] = [begin('a', 64 * KIB), begin('a', 64 * KIB), begin('b', 64 * KIB)];
    await pass(clock, 16_000);
    expect(one.meter.bytes + again.meter.bytes).toBeLessThanOrEqual(other.meter.bytes + 256 * KIB);
    expect(other.meter.bytes).toBeLessThanOrEqual(one.meter.bytes + again.meter.bytes + 256 * KIB);
  });

  it('gives what one does not need to the others, and changes with every beginning, end and limit', async () => {
    const clock = new FakeClock();
    const { begin } = moves(clock, 4 * MIB);
    const [a, b] = [begin('a', 64 * KIB), begin('b', 128 * KIB)];
    const grown = async (ms: number, ...of: readonly { meter: { bytes: number } }[]) => {
      const before = of.map(({ meter }) => meter.bytes);
      await pass(clock, ms);
      return of.map(({ meter }, index) => Math.round((meter.bytes - (before[index] ?? 0)) / MIB));
    };
    expect(await grown(10_000, a, b)).toEqual([20, 20]);
    a.limit(MIB);
    expect(await grown(10_000, a, b)).toEqual([10, 30]);
    const c = begin('c', 32 * KIB);
    expect(await grown(12_000, a, b, c)).toEqual([12, 18, 18]);
    b.end();
    expect(await grown(10_000, a, c)).toEqual([10, 30]);
    a.limit(undefined);
    expect(await grown(10_000, a, c)).toEqual([20, 20]);
  });

  it('does not pay back what a move did not use before it had company', async () => {
    const clock = new FakeClock();
    const { begin } = moves(clock, MIB);
    const old = begin('old', 64 * KIB);
    await pass(clock, 60_000);
    const young = begin('young', 64 * KIB);
    const before = old.meter.bytes;
    await pass(clock, 10_000);
    expect(Math.abs(old.meter.bytes - before - young.meter.bytes)).toBeLessThanOrEqual(128 * KIB);
  });

  it('forgets a piece that was given up', async () => {
    const clock = new FakeClock();
    const link = new SharedLink({ clock, limitBytesPerSecond: MIB });
    const stop = new AbortController();
    void link.pass('a', MIB);
    const given = link.pass('b', 900 * MIB, stop.signal);
    stop.abort(new Error('no more'));
    await expect(given).rejects.toThrow('no more');
    await expect(link.pass('b', 1, stop.signal)).rejects.toThrow('no more');
    const next = link.pass('c', MIB);
    await pass(clock, 2_000);
    await next;
  });
});
