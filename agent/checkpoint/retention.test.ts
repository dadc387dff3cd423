import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDue, surplus } from './retention.ts';

const NOW = 1_000_000;
const dated = fc
  .uniqueArray(fc.integer({ min: 0, max: NOW }), { maxLength: 30 })
  .map((times) => times.map((createdAtMs) => ({ id: `c${createdAtMs}`, createdAtMs })));
const rule = fc.record(
  { keep: fc.integer({ min: 1, max: 12 }), maxAgeMs: fc.integer({ min: 1, max: NOW }) },
  { requiredKeys: [] },
);

describe('surplus', () => {
  it('keeps what the rule keeps, the newest always, and no older one in place of a newer one', () => {
    fc.assert(
      fc.property(dated, rule, (all, { keep, maxAgeMs }) => {
        const gone = surplus(all, { keep, maxAgeMs }, NOW);
        const stays = all.filter((one) => !gone.includes(one));
        const newest = Math.max(...all.map((one) => one.createdAtMs));
        if (all.length > 0) expect(stays.map((one) => one.createdAtMs)).toContain(newest);
        if (keep !== undefined) expect(stays.length).toBeLessThanOrEqual(keep);
        for (const one of stays) {
          if (maxAgeMs !== undefined && one.createdAtMs !== newest)
            expect(NOW - one.createdAtMs).toBeLessThanOrEqual(maxAgeMs);
          for (const other of gone) expect(other.createdAtMs).toBeLessThan(one.createdAtMs);
        }
        for (const one of gone) {
          const newer = all.filter((other) => other.createdAtMs > one.createdAtMs).length;
          expect(newer >= (keep ?? Infinity) || NOW - one.createdAtMs > (maxAgeMs ?? Infinity)).toBe(true);
        }
      }),
    );
  });

  it('does not depend on the order, and has nothing to do the second time', () => {
    fc.assert(
      fc.property(dated, rule, fc.func(fc.integer()), (all, bounds, order) => {
        const shuffled = [...all].sort((a, b) => order(a.id) - order(b.id));
        const gone = surplus(all, bounds, NOW);
        expect(surplus(shuffled, bounds, NOW)).toEqual(gone);
        expect(
          surplus(
            all.filter((one) => !gone.includes(one)),
            bounds,
            NOW,
          ),
        ).toEqual([]);
      }),
    );
  });

  it('keeps what those that stay build on, and names none before what builds on it', () => {
    const chained = fc.tuple(dated, fc.infiniteStream(fc.nat({ max: 3 }))).map(([all, chances]) => {
      const oldestFirst = [...all].sort((a, b) => a.createdAtMs - b.createdAtMs);
      return oldestFirst.map((one, index) => ({
        ...one,
        parent: chances.next().value > 0 ? oldestFirst[index - 1]?.id : undefined,
      }));
    });
    fc.assert(
      fc.property(chained, rule, (all, bounds) => {
        const gone = surplus(all, bounds, NOW).map(({ id }) => id);
        const plain = surplus(
          all.map(({ parent: _parent, ...one }) => one),
          bounds,
          NOW,
        ).map(({ id }) => id);
        const stays = all.filter(({ id }) => !gone.includes(id));
        for (const { parent } of stays) expect(gone).not.toContain(parent);
        for (const { id, parent } of all)
          if (gone.includes(id) && parent !== undefined && gone.includes(parent))
            expect(gone.indexOf(id)).toBeLessThan(gone.indexOf(parent));
        // Nothing else is kept than what is kept anyway or needed.
        for (const id of plain.filter((one) => !gone.includes(one)))
          expect(stays.map(({ parent }) => parent)).toContain(id);
      }),
    );
  });

  it('keeps everything without a rule', () => {
    fc.assert(
      fc.property(dated, (all) => {
        expect(surplus(all, {}, NOW)).toEqual([]);
      }),
    );
  });
});

describe('isDue', () => {
  it('says so once the time is over, and at once where there is none', () => {
    expect(isDue(100, undefined, 0)).toBe(true);
    expect(isDue(100, 1_000, 1_099)).toBe(false);
    expect(isDue(100, 1_000, 1_100)).toBe(true);
  });

  it('goes on after a clock was set back', () => {
    expect(isDue(100, 10_000, 5_000)).toBe(true);
  });
});
