import { drawTimeline } from '../../../cli/follow/timeline/mod.ts';
import type { Job } from '../../../protocol/mod.ts';
import { type BenchDocument, choose, type Measurement, median, percentile } from '../document.ts';
import { judgeBudgets } from './budgets.ts';
import { plotsOf } from './plots.ts';

/** Against which way the others are held, where one is there. */
const BASES = ['bare', 'direct'] as const;
const MIB = 1024 * 1024;
/** The picture of a post-copy's timeline. */
export const TIMELINE = 'timeline.svg';
const TIMELINE_COLUMNS = 100;

/** The report of a run as Markdown; it quotes medians and ratios, the JSON beside it has every sample. */
export function renderReport(document: BenchDocument): string {
  const { measurements } = document;
  const parts = [...new Set(measurements.map((one) => one.part))];
  const plots = plotsOf(measurements);
  return [
    '# Benchmark report',
    '',
    'Made by `npm run bench` from `bench.json`; do not edit. How it was measured: [test/bench](../README.md).',
    '',
    ...surroundings(document),
    '',
    '## Budgets',
    '',
    ...table(
      ['what', 'budget', 'median', 'met'],
      judgeBudgets(measurements).map(({ what, unit, limit, measured, met }) => [
        what,
        `${limit} ${unit}`.trim(),
        `${short(measured)} ${unit}`.trim(),
        met ? 'yes' : 'no',
      ]),
    ),
    ...parts.flatMap((part) => [
      '',
      `## ${part}`,
      '',
      ...partTable(choose(measurements, { part })),
      ...plots
        .filter((plot) => plot.part === part)
        .flatMap(({ title, file }) => ['', `![${title}](${file})`]),
    ]),
    ...(document.postcopy ? timeline(document.postcopy) : []),
    '',
  ].join('\n');
}

/** As `godwit job show JOB --timeline` and `--svg` draw it. */
function timeline(job: Job): string[] {
  const title = '## A post-copy: that of part `moves` whose downtime was in the middle';
  const drawn = drawTimeline(job, TIMELINE_COLUMNS).trimEnd();
  return ['', title, '', `![the timeline of both nodes](${TIMELINE})`, '', '```', drawn, '```'];
}

function surroundings({ form, share = 1, complete, startedAt, machine, versions }: BenchDocument): string[] {
  const { cpu, cores, memoryBytes, kernel, loadAtStart } = machine;
  const memory = `${Math.round(Number(memoryBytes) / MIB / 1024)} GiB`;
  return [
    `${complete ? 'A whole' : 'An interrupted'} run of the ${form} form${share < 1 ? ` in ${Math.round(100 * share)} % of its time` : ''}, ${startedAt.slice(0, 10)}; load ${Number(loadAtStart).toFixed(1)} at its start.`,
    `${cores} × ${cpu}, ${memory}, Linux ${kernel}; ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
  ];
}

/** A line for each figure; columns are ways: the median, in brackets the 95th percentile, and the ratio to the base. */
function partTable(measurements: readonly Measurement[]): string[] {
  const ways = [...new Set(measurements.map((one) => one.way))];
  const base = BASES.find((way) => ways.includes(way));
  const others = base === undefined ? [] : ways.filter((way) => way !== base);
  const rows = new Map<string, Map<string, Measurement>>();
  for (const one of measurements) {
    const key = `${one.what} | ${one.figure}, ${one.unit}`;
    rows.set(key, (rows.get(key) ?? new Map()).set(one.way, one));
  }
  const cell = (one: Measurement | undefined) =>
    one === undefined ? '' : `${short(median(one.values))} (${short(percentile(one.values, 0.95))})`;
  const ratio = (row: Map<string, Measurement>, way: string) => {
    const [ours, theirs] = [row.get(way), row.get(base as string)];
    return ours && theirs ? (median(ours.values) / median(theirs.values)).toFixed(2) : '';
  };
  return table(
    ['what', 'figure', ...ways, ...others.map((way) => `${way} / ${base}`)],
    [...rows].map(([key, row]) => [
      ...key.split(' | '),
      ...ways.map((way) => cell(row.get(way))),
      ...others.map((way) => ratio(row, way)),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** Three digits that say something. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
