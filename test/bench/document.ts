import type { Job } from '../../protocol/mod.ts';

/** One figure of one thing that was done in one way, with every sample in the order in which it was taken. */
export interface Measurement {
  /** The part of the benchmark: `overhead`, `moves`, … */
  readonly part: string;
  /** What was done: `start`, `cold`, … */
  readonly what: string;
  /** How, where there are several ways to compare: `godwit`, `bare`, … */
  readonly way: string;
  readonly figure: string;
  readonly unit: 'ms' | 'MiB' | 'MiB/s' | '% of a core';
  readonly values: readonly number[];
}

/** A whole run: where, with what, and everything that was measured. */
export interface BenchDocument {
  readonly type: 'io.godwit.v1.bench';
  readonly startedAt: string;
  readonly endedAt: string;
  /** False when the run was interrupted or failed; what it had measured by then is here. */
  readonly complete: boolean;
  readonly form: 'quick' | 'full';
  /** The part of the form's time that it was given; less means fewer rounds. */
  readonly share?: number;
  readonly machine: Readonly<Record<string, string | number | undefined>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  /** The post-copy whose downtime was in the middle, for its timeline. */
  readonly postcopy?: Job;
}

/** Which measurement is meant: as many of its words as tell it apart. */
export type Choice = Partial<Pick<Measurement, 'part' | 'what' | 'way' | 'figure'>>;

/** The measurements that have all the words of a choice. */
export function choose(measurements: readonly Measurement[], choice: Choice): Measurement[] {
  const words = Object.entries(choice) as [keyof Choice, string][];
  return measurements.filter((one) => words.every(([key, word]) => one[key] === word));
}

/** The middle value; the mean of the two in the middle of an even number of them. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2;
}

/** The value that `share` (0 to 1) of all values do not exceed (nearest rank). NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
