import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPONENTS, combined, largest, loadOf, plus } from './load.ts';
import { anyLoad } from './testing.ts';

describe('load vectors', () => {
  it('come back to what they were when something is added and taken away', () => {
    fc.assert(
      fc.property(anyLoad, anyLoad, (load, more) => {
        const back = plus(plus(load, more), more, -1);
        for (const component of COMPONENTS) expect(back[component]).toBeCloseTo(load[component], 9);
      }),
    );
  });

  it('never fall below nothing', () => {
    fc.assert(
      fc.property(anyLoad, anyLoad, (load, more) => {
        expect(Math.min(...Object.values(plus(load, more, -1)))).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('are as large as their largest component, the first of equals', () => {
    fc.assert(
      fc.property(anyLoad, (load) => {
        const { component, value } = largest(load);
        expect(value).toBe(Math.max(...Object.values(load)));
        expect(COMPONENTS.findIndex((one) => load[one] === value)).toBe(COMPONENTS.indexOf(component));
      }),
    );
  });

  it('mean the same use differently on a larger node', () => {
    const usage = { cpus: 2, memoryBytes: 100, ioBytesPerSecond: 50, networkBytesPerSecond: 0 };
    const node = { cpus: 4, memoryBytes: 400, ioBytesPerSecond: 50, networkBytesPerSecond: 10 };
    expect(loadOf(usage, node)).toEqual({ cpu: 0.5, memory: 0.25, io: 1, network: 0 });
  });

  it('count waiting on top of use', () => {
    const use = { cpu: 1, memory: 0.5, io: 0, network: 0 };
    const pressure = { cpu: 0.4, memory: 0, io: 0.1, network: 0 };
    expect(combined({ use, pressure })).toEqual({ cpu: 1.4, memory: 0.5, io: 0.1, network: 0 });
  });
});
