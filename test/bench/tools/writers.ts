import type { Memory } from '../../e2e/support/memory.ts';

/** How a workload writes its memory; idle when nothing is said. */
export type Load = 'steady' | 'bursty';

/** Pages a second over so many MiB, both of them 8 MiB/s in the long run. */
const STEADY = { pagesPerSecond: 2_048, overMib: 64 } as const;
/** A second in ten. */
const BURST = { pagesPerSecond: 20_480, overMib: 64, everyMs: 10_000, forMs: 1_000 } as const;

/** Lets a workload write until its connection ends. */
export async function loadMemory(memory: Memory, load: Load): Promise<void> {
  if (load === 'steady') return memory.write(STEADY.pagesPerSecond, STEADY.overMib);
  void burst(memory).catch(() => {}); // The connection has ended, and the writer is wanted no more.
}

/** By this process' clock: the answers come back in order, and one that is asked while its container stands still waits with it. */
async function burst(memory: Memory): Promise<void> {
  for (;;) {
    await memory.write(BURST.pagesPerSecond, BURST.overMib);
    await pause(BURST.forMs);
    await memory.write(0, BURST.overMib);
    await pause(BURST.everyMs - BURST.forMs);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
