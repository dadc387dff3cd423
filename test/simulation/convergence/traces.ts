const MIB = 1024 * 1024;

/** How one container writes its memory: round and round over a part of it, whole pages. */
export interface Trace {
  readonly name: string;
  readonly memoryBytes: number;
  /** The part it writes at all. */
  readonly setBytes: number;
  readonly bytesPerSecond: number;
  /** Writes only for so long at the start of each period; without it all the time. */
  readonly burst?: { readonly forMs: number; readonly everyMs: number };
  /** Pages that criu wrote in each round and in the final dump, in a virtual machine over a link of 1 Gbit/s. */
  readonly recorded?: readonly number[];
}

/** Recorded ones and made-up ones; memory, rate and set of the recorded ones are those of the program that ran. */
export const TRACES: readonly Trace[] = [
  { name: 'idle, 1 GiB', ...writer(1024, 1, 0.1) },
  { name: 'node.js server, 77 MB', ...writer(75, 1, 0.4), recorded: [18_800, 131, 84] },
  { name: '20 MiB/s over 64 of 256 MiB', ...writer(256, 64, 20), recorded: [65_552, 15_000, 7_000] },
  {
    name: '40 MiB/s over 128 of 256 MiB',
    ...writer(256, 128, 40),
    recorded: [65_552, 32_776, 21_512, 16_904],
  },
  {
    name: '50 MiB/s over 256 MiB of 1 GiB',
    ...writer(1024, 256, 50),
    recorded: [262_160, 65_544, 50_696, 33_800],
  },
  {
    name: '100 MiB/s over all 256 MiB',
    ...writer(256, 256, 100),
    recorded: [65_551, 65_544, 65_544, 65_544],
  },
  { name: '30 MiB/s over 2 of 8 GiB', ...writer(8192, 2048, 30) },
  {
    name: 'bursts of 300 MiB/s, 0.4 s of 6 s, 512 MiB',
    ...writer(512, 128, 300),
    burst: { forMs: 400, everyMs: 6_000 },
  },
  { name: '300 MiB/s over all 512 MiB', ...writer(512, 512, 300) },
];

function writer(memoryMiB: number, setMiB: number, mibPerSecond: number) {
  return { memoryBytes: memoryMiB * MIB, setBytes: setMiB * MIB, bytesPerSecond: mibPerSecond * MIB };
}

/** Bytes written from the start until `ms`, at full speed. */
export function writtenUntil({ bytesPerSecond, burst }: Trace, ms: number): number {
  if (!burst) return (bytesPerSecond * ms) / 1000;
  const periods = Math.floor(ms / burst.everyMs);
  const activeMs = periods * burst.forMs + Math.min(burst.forMs, ms - periods * burst.everyMs);
  return (bytesPerSecond * activeMs) / 1000;
}
