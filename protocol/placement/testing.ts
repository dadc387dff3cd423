import fc from 'fast-check';
import type { LoadVector } from './load.ts';

const share = fc.double({ min: 0, max: 2, noNaN: true });

/** Any load a node can have, for property tests. */
export const anyLoad: fc.Arbitrary<LoadVector> = fc.record({
  cpu: share,
  memory: share,
  io: share,
  network: share,
});
