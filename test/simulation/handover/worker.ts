import { parentPort, workerData } from 'node:worker_threads';
import { BROKEN } from './broken.ts';
import { run } from './run.ts';

/** Seeds that a worker runs in one go. */
export interface Batch {
  readonly seed: number;
  readonly runs: number;
}

export interface BatchResult {
  readonly runs: number;
  readonly steps: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly violations: readonly { readonly seed: number; readonly rule: string }[];
}

/** Runs a batch of seeds. @param broken the mistake that is in every run, if any */
export async function runBatch({ seed, runs }: Batch, broken?: string): Promise<BatchResult> {
  const variant = broken === undefined ? {} : BROKEN[broken];
  const outcomes: Record<string, number> = {};
  const violations: { seed: number; rule: string }[] = [];
  let steps = 0;
  for (let at = seed; at < seed + runs; at++) {
    const result = await run(at, variant);
    steps += result.steps;
    outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
    if (result.violation !== undefined) violations.push({ seed: at, rule: result.violation });
  }
  return { runs, steps, outcomes, violations };
}

// Errors are made by the thousand here, and nobody reads where.
if (parentPort) Error.stackTraceLimit = 0;

parentPort?.on('message', (batch: Batch) => {
  const { broken } = workerData as { readonly broken?: string };
  void runBatch(batch, broken).then((result) => parentPort?.postMessage(result));
});
