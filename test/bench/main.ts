/**
 * Measures godwit beside the bare tools and writes one JSON document, a Markdown report and its plots to dist/bench, with --reference
 * to test/bench/reference instead. Usage: node dist/test/bench/main.js [PART...] [--quick | --minutes N | --mib N] [--reference]; without a part
 * all of them. --minutes: the full form with fewer rounds, so that all parts together take about so long. --mib: of part memory, one round
 * of one size, for a machine that is slow. --render measures nothing: it makes the report and the plots of the reference results anew
 * from their samples.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { say, startRun } from './bench.ts';
import { control } from './parts/control.ts';
import { memory } from './parts/memory.ts';
import { moves } from './parts/moves.ts';
import { overhead } from './parts/overhead.ts';
import { tunnel } from './parts/tunnel.ts';
import { REFERENCE_DIR, RESULTS_DIR, writeReport } from './report/mod.ts';
import { surroundings } from './report/surroundings.ts';
import { allow } from './tools/allowance.ts';

const PARTS = { overhead, control, moves, memory, tunnel } as const;
type Part = keyof typeof PARTS;
/** What they may take, with the labs of each: the full form ends within 40 minutes on two cores. */
const MINUTES: Readonly<Record<'quick' | 'full', Readonly<Record<Part, number>>>> = {
  quick: { overhead: 1, control: 1.5, moves: 1, memory: 2.5, tunnel: 1 },
  full: { overhead: 6.5, control: 3, moves: 5.5, memory: 21, tunnel: 1.5 },
};
/** Of these the time before the first sample: a lab, and what is moved in it. */
const BEFORE_MINUTES = 0.5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    mib: { type: 'string' },
    reference: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  say(`there is no part '${unknown[0]}'; there are: ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
if (values.reference && positionals.length > 0) {
  say('--reference replaces the results of all parts: name none');
  process.exit(2);
}
const wanted = (positionals.length > 0 ? positionals : Object.keys(PARTS)) as Part[];

if (values.render) {
  const document = JSON.parse(await readFile(join(REFERENCE_DIR, 'bench.json'), 'utf8'));
  await writeReport(document, REFERENCE_DIR);
  process.exit();
}
const form = values.quick ? 'quick' : 'full';
const share = shareOf(values.minutes);
const mib = mibOf(values.mib);
const run = startRun({ quick: values.quick, share, ...(mib === undefined ? {} : { mib }) });
let leaving: Promise<never> | undefined;
// Every time, not once: npm hands a terminal's Ctrl-C on, so that it comes twice.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(130));
try {
  await measure();
  await leave(0);
} catch (error) {
  if (!leaving) say(`the benchmark failed: ${(error as Error).stack}`);
  await leave(1);
}

async function measure(): Promise<void> {
  const startedAt = new Date().toISOString();
  const where = await surroundings();
  let complete = false;
  try {
    const minutesOf = (name: Part) => MINUTES[form][name] * share;
    const whole = wanted.reduce((sum, name) => sum + minutesOf(name), 0);
    say(`${wanted.join(', ')}: some ${Math.ceil(whole)} minutes`);
    for (const [index, name] of wanted.entries()) {
      const minutes = minutesOf(name);
      say(`part ${index + 1} of ${wanted.length}: ${name}, some ${minutes.toFixed(1)} minutes`);
      await PARTS[name](run.bench, allow(minutes - BEFORE_MINUTES, say));
    }
    complete = true;
  } finally {
    if (!leaving) {
      const when = { startedAt, endedAt: new Date().toISOString(), complete, form, share } as const;
      const versions = { ...where.versions, ...run.packages() };
      const postcopy = run.postcopy();
      const measured = { measurements: run.measurements(), ...(postcopy ? { postcopy } : {}) };
      const document = { ...when, ...where, versions, ...measured };
      const { report, text } = await writeReport(
        { type: 'io.godwit.v1.bench', ...document },
        values.reference && complete ? REFERENCE_DIR : RESULTS_DIR,
      );
      process.stdout.write(text);
      say(`the report, its plots and every sample: ${report}`);
    }
  }
}

/** The part of its time that the full form may take. */
function shareOf(minutes: string | undefined): number {
  if (minutes === undefined) return 1;
  const all = Object.values(MINUTES.full).reduce((sum, one) => sum + one);
  const share = Number(minutes) / all;
  if (form === 'full' && share > 0 && share <= 1) return share;
  say(`--minutes: a number from 1 to ${Math.floor(all)}, for the full form`);
  process.exit(2);
}

function mibOf(size: string | undefined): number | undefined {
  if (size === undefined) return undefined;
  const mib = Number(size);
  if (Number.isInteger(mib) && mib > 0 && !values.reference) return mib;
  say('--mib: a whole number of MiB, and not for the reference');
  process.exit(2);
}

/** Takes everything down and exits; whoever calls it first says with what code. */
function leave(code: number): Promise<never> {
  leaving ??= (async () => {
    await run.end().catch((error: unknown) => say(String(error)));
    process.exit(code);
  })();
  return leaving;
}
