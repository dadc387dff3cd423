import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Capacity, type LoadVector, largest, loadOf, NO_LOAD, plus } from '../load.ts';
import { planMoves } from './plan.ts';
import { hereOf, neighbourOf, peakAmong, settle, type TestNode } from './testing.ts';
import type { Movable } from './words.ts';

const MIB = 1024 * 1024;

/** Heavy tails: many small needs, a few large ones. */
const need = fc
  .double({ min: 0.001, max: 1, noNaN: true })
  .map((chance) => Math.min(0.5, 0.04 / chance ** (2 / 3)));
const capacity: fc.Arbitrary<Capacity> = fc.record({
  cpus: fc.constantFrom(8, 8, 16),
  memoryBytes: fc.constantFrom(64, 64, 128).map((gib) => gib * 1024 * MIB),
  ioBytesPerSecond: fc.constant(200e6),
  networkBytesPerSecond: fc.constant(117e6),
});

function container(name: string): fc.Arbitrary<Movable> {
  return fc
    .record({ main: fc.nat(3), size: need, rest: fc.double({ min: 0, max: 0.3, noNaN: true }) })
    .map(({ main, size, rest }) => {
      const part = (at: number) => (at === main ? size : size * rest);
      return {
        container: name,
        usage: {
          cpus: part(0) * 8,
          memoryBytes: part(1) * 64 * 1024 * MIB,
          ioBytesPerSecond: part(2) * 200e6,
          networkBytesPerSecond: part(3) * 117e6,
        },
        memoryBytes: 100 * MIB,
        costMs: 1_000,
      };
    });
}

/** All containers on the first node; sizes that brute force can do. */
const cluster = fc
  .constantFrom([2, 12], [3, 8], [3, 9], [4, 7], [5, 6])
  .chain(([nodes = 0, containers = 0]) =>
    fc.record({
      capacities: fc.array(capacity, { minLength: nodes, maxLength: nodes }),
      containers: fc.tuple(...Array.from({ length: containers }, (_, i) => container(`c${i}`))),
    }),
  )
  .map(({ capacities, containers }) =>
    capacities.map(
      (one, i): TestNode => ({ node: `n${i}`, capacity: one, containers: i === 0 ? [...containers] : [] }),
    ),
  );

/** Every assignment there is: the lowest peak, and how few moves get there. */
function bruteForce(nodes: readonly TestNode[]): { readonly peak: number; readonly moves: number } {
  const { containers } = nodes[0]!;
  const loads: LoadVector[] = nodes.map(() => NO_LOAD);
  let best = { peak: Number.POSITIVE_INFINITY, moves: 0 };
  const descend = (at: number, moves: number): void => {
    const one = containers[at];
    if (!one) {
      const peak = Math.max(...loads.map((load) => largest(load).value));
      const lower = peak < best.peak - 1e-9;
      if (lower || (peak < best.peak + 1e-9 && moves < best.moves))
        best = { peak: Math.min(peak, best.peak), moves };
      return;
    }
    for (const [place, { capacity }] of nodes.entries()) {
      const before = loads[place]!;
      loads[place] = plus(before, loadOf(one.usage, capacity));
      descend(at + 1, moves + (place === 0 ? 0 : 1));
      loads[place] = before;
    }
  };
  descend(0, 0);
  return best;
}

describe('all containers on one node', () => {
  it('are spread as well as the best of all assignments within a tenth, in no more than its moves and a fifth', () => {
    let [worst, most] = [0, 0];
    fc.assert(
      fc.property(cluster, (nodes) => {
        const best = bruteForce(nodes);
        const before = peakAmong(nodes);
        fc.pre(before > 0.5);
        const moves = settle(nodes);
        const peak = peakAmong(nodes);
        expect(peak).toBeLessThanOrEqual(1.1 * best.peak);
        expect(moves.length).toBeLessThanOrEqual(1.2 * best.moves);
        [worst, most] = [
          Math.max(worst, peak / best.peak),
          Math.max(most, moves.length / Math.max(1, best.moves)),
        ];
      }),
      { numRuns: 60, seed: 20_261_130 },
    );
    console.log(`at worst ${worst.toFixed(3)} x the best peak, ${most.toFixed(2)} x its moves`);
  });

  it('never cost more moves than the gain pays for', () => {
    fc.assert(
      fc.property(cluster, fc.integer({ min: 0, max: 600_000 }), (nodes, costMs) => {
        const [full, ...others] = nodes as [TestNode, ...TestNode[]];
        full.containers = full.containers.map((one) => ({ ...one, costMs }));
        const plan = planMoves(hereOf(full), others.map(neighbourOf), {
          refused: new Set(),
          minGain: 0,
          floor: 0,
        });
        const [gained, paid] = [plan.reduce((sum, { gain }) => sum + gain, 0), plan.length * costMs];
        if (plan.length > 0) expect(gained * 600_000).toBeGreaterThan(paid);
        // The last move pays for itself, too.
        const last = plan.at(-1);
        if (last) expect(last.gain * 600_000).toBeGreaterThan(costMs);
      }),
      { numRuns: 60 },
    );
  });
});
