import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counters, type Look, lookAgain, NO_LOOK, nodeLoad } from './smooth.ts';

const ZERO: Counters = { cpuMs: 0, memoryBytes: 0, ioBytes: 0, receivedBytes: 0, sentBytes: 0 };
const CAPACITY = { cpus: 4, memoryBytes: 1000, ioBytesPerSecond: 100, networkBytesPerSecond: 100 };

function lookAt(atMs: number, rates: Partial<Counters>, stalledShare = 0): Look {
  const grown = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, rate * atMs]));
  const node = { ...ZERO, ...grown, memoryBytes: rates.memoryBytes ?? 0 };
  const stalls = { cpuMs: stalledShare * atMs, memoryMs: 0, ioMs: 0 };
  return { atMs, node, stalls, containers: new Map([['web', node]]) };
}

/** Looks at something steady at these times. */
function seenAt(times: readonly number[], rates: Partial<Counters>, stalledShare = 0) {
  return times.reduce((state, atMs) => lookAgain(state, lookAt(atMs, rates, stalledShare)), NO_LOOK);
}

const pauses = fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 2, maxLength: 40 });
const timesOf = (gaps: readonly number[]) =>
  gaps.map((_gap, at) => gaps.slice(0, at + 1).reduce((a, b) => a + b));

describe('the smoothed load', () => {
  it('shows a steady rate as it is, whenever somebody looks', () => {
    fc.assert(
      fc.property(pauses, fc.integer({ min: 0, max: 8 }), (gaps, cpus) => {
        const { containers, node } = seenAt(timesOf(gaps), { cpuMs: cpus });
        expect(containers.get('web')?.cpus).toBeCloseTo(cpus, 6);
        expect(node?.cpus).toBeCloseTo(cpus, 6);
      }),
    );
  });

  it('lies between the smallest and the largest rate it has seen', () => {
    const looks = fc.array(fc.tuple(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 0, max: 5_000 })), {
      minLength: 3,
      maxLength: 30,
    });
    fc.assert(
      fc.property(looks, (steps) => {
        let state = NO_LOOK;
        let [atMs, cpuMs] = [0, 0];
        const rates: number[] = [];
        state = lookAgain(state, { atMs, node: ZERO, containers: new Map() });
        for (const [gapMs, usedMs] of steps) {
          [atMs, cpuMs] = [atMs + gapMs, cpuMs + usedMs];
          rates.push(usedMs / gapMs);
          state = lookAgain(state, { atMs, node: { ...ZERO, cpuMs }, containers: new Map() });
        }
        const cpus = state.node?.cpus ?? Number.NaN;
        expect(cpus).toBeGreaterThanOrEqual(Math.min(...rates) - 1e-9);
        expect(cpus).toBeLessThanOrEqual(Math.max(...rates) + 1e-9);
      }),
    );
  });

  it('forgets a change the same way in one long step as in many short ones', () => {
    const busy = seenAt([0, 1_000], { cpuMs: 2 });
    const idle = (atMs: number) => ({ atMs, node: { ...ZERO, cpuMs: 2_000 }, containers: new Map() });
    const once = lookAgain(busy, idle(9_000));
    const often = [2_000, 2_500, 4_000, 8_000, 9_000].reduce((state, at) => lookAgain(state, idle(at)), busy);
    expect(often.node?.cpus).toBeCloseTo(once.node?.cpus ?? 0, 9);
  });

  it('never reports a container whose counters stepped back, and goes on with the next look', () => {
    const before = seenAt([0, 1_000], { cpuMs: 1 });
    const fresh = (atMs: number, cpuMs: number): Look => ({
      atMs,
      node: ZERO,
      containers: new Map([['web', { ...ZERO, cpuMs }]]),
    });
    const restarted = lookAgain(before, fresh(2_000, 5));
    expect(restarted.containers.has('web')).toBe(false);
    expect(lookAgain(restarted, fresh(3_000, 505)).containers.get('web')?.cpus).toBeCloseTo(0.5, 9);
  });

  it('never forgets the node, and takes traffic that stepped back for that of another interface', () => {
    const looks = (node: Partial<Counters>): Look[] =>
      [1_000, 2_000].map((atMs, at) => ({
        atMs,
        node: at === 0 ? { ...ZERO, cpuMs: 500, receivedBytes: 900, sentBytes: 100 } : { ...ZERO, ...node },
        containers: new Map(),
      }));
    const known = { ...NO_LOOK, node: { ...seenAt([0, 1_000], { cpuMs: 0.5 }).node! } };
    const flipped = looks({ cpuMs: 1_000, receivedBytes: 110, sentBytes: 910 }).reduce(lookAgain, known);
    expect(flipped.node).toMatchObject({ networkBytesPerSecond: 0 });
    expect(flipped.node?.cpus).toBeCloseTo(0.5, 9);
    expect(looks({ cpuMs: 1 }).reduce(lookAgain, known).node).toEqual(known.node);
  });

  it('counts use against the capacity, and waiting beside it', () => {
    const state = seenAt([0, 1_000], { cpuMs: 2, memoryBytes: 250, ioBytes: 0.05 }, 0.25);
    const load = nodeLoad(state, CAPACITY);
    expect(load?.use).toEqual({ cpu: 0.5, memory: 0.25, io: 0.5, network: 0 });
    expect(load?.pressure.cpu).toBeCloseTo(0.25 * (1 - Math.exp(-0.1)), 9);
  });

  it('knows nothing before the second look, and no pressure without PSI', () => {
    expect(nodeLoad(seenAt([5], { cpuMs: 1 }), CAPACITY)).toBeUndefined();
    const { stalls: _none, ...blind } = lookAt(1_000, { cpuMs: 1 });
    const { stalls: _neither, ...first } = lookAt(0, { cpuMs: 1 });
    expect(nodeLoad(lookAgain(lookAgain(NO_LOOK, first), blind), CAPACITY)?.pressure).toEqual({
      cpu: 0,
      memory: 0,
      io: 0,
      network: 0,
    });
  });
});
