import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { BROKEN } from './broken.ts';
import { run } from './run.ts';
import type { Batch, BatchResult } from './worker.ts';

const USAGE = `usage: npm run simulate -- [--runs N] [--seed S] [--broken VARIANT] | --list-broken`;
const BATCH = 250;
/** Violations that are shown one by one. */
const SHOWN = 10;

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly broken?: string;
}

async function main(): Promise<number> {
  const options = optionsOf();
  if (options === 'list') {
    console.log(Object.keys(BROKEN).join('\n'));
    return 0;
  }
  const violations = options.runs === 1 ? await runOne(options) : await runAll(options);
  console.log(`${options.runs} runs, ${violations} violations`);
  return violations > 0 ? 1 : 0;
}

/** @throws Error with the usage */
function optionsOf(): Options | 'list' {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      broken: { type: 'string' },
      'list-broken': { type: 'boolean', default: false },
    },
  });
  if (values['list-broken']) return 'list';
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed) || seed < 0)
    throw new Error(USAGE);
  const { broken } = values;
  if (broken === undefined) return { runs, seed };
  if (!Object.hasOwn(BROKEN, broken)) throw new Error(`${USAGE}\nno variant '${broken}'; see --list-broken`);
  return { runs, seed, broken };
}

/** One seed, with everything that happens in it. */
async function runOne({ seed, broken }: Options): Promise<number> {
  const { trace, outcome, violation } = await run(seed, broken === undefined ? {} : BROKEN[broken], true);
  console.log(trace.join('\n'));
  console.log(`seed ${seed}: ${outcome}${violation === undefined ? '' : `; VIOLATION: ${violation}`}`);
  return violation === undefined ? 0 : 1;
}

async function runAll(options: Options): Promise<number> {
  const beganMs = performance.now();
  const take = batchesOf(options);
  const results = await Promise.all(
    Array.from({ length: Math.min(availableParallelism(), 8) }, () => work(options, take)),
  );
  const all = results.flat();
  const outcomes: Record<string, number> = {};
  for (const result of all)
    for (const [outcome, count] of Object.entries(result.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  for (const [outcome, count] of Object.entries(outcomes).sort((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(9)} ${outcome}`);
  const violations = all.flatMap((result) => result.violations).sort((a, b) => a.seed - b.seed);
  for (const { seed, rule } of violations.slice(0, SHOWN)) console.log(`seed ${seed}: VIOLATION: ${rule}`);
  if (violations.length > SHOWN) console.log(`and ${violations.length - SHOWN} more`);
  const again = options.broken === undefined ? '' : ` --broken ${options.broken}`;
  if (violations[0]) console.log(`shown step by step by --runs 1 --seed ${violations[0].seed}${again}`);
  const seconds = (performance.now() - beganMs) / 1_000;
  const steps = all.reduce((sum, result) => sum + result.steps, 0);
  console.log(
    `${Math.round(options.runs / seconds)} seeds a second, ${Math.round(steps / options.runs)} steps a run`,
  );
  return violations.length;
}

/** Whichever worker is free takes the next. */
function batchesOf({ runs, seed }: Options): () => Batch | undefined {
  let taken = 0;
  return () => {
    const from = taken;
    taken += BATCH;
    return from < runs ? { seed: seed + from, runs: Math.min(BATCH, runs - from) } : undefined;
  };
}

function work({ broken }: Options, take: () => Batch | undefined): Promise<BatchResult[]> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { broken } });
  const results: BatchResult[] = [];
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const batch = take();
      if (batch) return worker.postMessage(batch);
      void worker.terminate().then(() => resolve(results));
    };
    worker.on('message', (result: BatchResult) => {
      results.push(result);
      next();
    });
    worker.once('error', reject);
    next();
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
