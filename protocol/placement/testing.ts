import fc from 'fast-check';
import { type LoadVector, NO_USAGE, type Usage } from './load.ts';
import type { BidderFacts, Question } from './words.ts';

const share = fc.double({ min: 0, max: 2, noNaN: true });

/** Any load a node can have, for property tests. */
export const anyLoad: fc.Arbitrary<LoadVector> = fc.record({
  cpu: share,
  memory: share,
  io: share,
  network: share,
});

/** What a container can use of {@link bidder}. */
export const anyUsage: fc.Arbitrary<Usage> = fc.record({
  cpus: fc.double({ min: 0, max: 4, noNaN: true }),
  memoryBytes: fc.integer({ min: 0, max: 1_000 }),
  ioBytesPerSecond: fc.integer({ min: 0, max: 100 }),
  networkBytesPerSecond: fc.integer({ min: 0, max: 100 }),
});

/** A node that takes everything. */
export function bidder(part: Partial<BidderFacts> = {}): BidderFacts {
  return {
    node: 'n1',
    state: 'up',
    arch: 'x64',
    labels: {},
    capacity: { cpus: 4, memoryBytes: 1_000, ioBytesPerSecond: 100, networkBytesPerSecond: 100 },
    load: {
      use: { cpu: 0.25, memory: 0.1, io: 0, network: 0 },
      pressure: { cpu: 0.05, memory: 0, io: 0, network: 0 },
    },
    memoryAvailableBytes: 1_000,
    arrivals: 0,
    arrivalsMax: 4,
    nameInUse: false,
    groupMembers: 0,
    ...part,
  };
}

/** A container that anybody takes. */
export function question(part: Partial<Question> = {}): Question {
  return {
    auction: 'a',
    container: 'web',
    source: 'n0',
    arch: 'x64',
    usage: NO_USAGE,
    memoryBytes: 0,
    exclude: [],
    ...part,
  };
}
