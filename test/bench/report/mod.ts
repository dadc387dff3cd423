import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { timelineSvg } from '../../../cli/follow/timeline/svg.ts';
import { checkout } from '../../e2e/support/checkout.ts';
import type { BenchDocument } from '../document.ts';
import { renderReport, TIMELINE } from './markdown.ts';
import { drawPlot, plotsOf } from './plots.ts';

/** Where the results of a run lie. */
export const RESULTS_DIR = join(checkout, 'dist/bench');
/** Where those lie that are checked in. */
export const REFERENCE_DIR = join(checkout, 'test/bench/reference');

/** Writes a run as JSON, its report and its plots; resolves with where the report is and what it says. */
export async function writeReport(
  document: BenchDocument,
  dir: string,
): Promise<{ readonly report: string; readonly text: string }> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const [file, content] of filesOf(document)) await writeFile(join(dir, file), content);
  return { report: join(dir, 'report.md'), text: renderReport(document) };
}

/** Everything that a run leaves, by file name; a test holds the reference results against it. */
export function filesOf(document: BenchDocument): Map<string, string> {
  return new Map([
    ['bench.json', `${JSON.stringify(document, null, 1)}\n`],
    ['report.md', renderReport(document)],
    ...plotsOf(document.measurements).map((plot) => [plot.file, drawPlot(plot)] as const),
    ...(document.postcopy ? [[TIMELINE, timelineSvg(document.postcopy)] as const] : []),
  ]);
}
