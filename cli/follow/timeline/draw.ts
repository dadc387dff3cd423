import type { Job } from '../../../protocol/job.ts';
import { formatMs } from '../../output/format.ts';
import { printable, visibleWidth } from '../../output/text.ts';
import { type Bar, type Chart, chartsOf } from './bars.ts';

const FILL = { source: '#', target: '=', container: '!' } as const;
/** Columns of the axis: what is left beside label and duration, within sense. */
const AXIS = { least: 20, most: 100 } as const;
const DURATION_COLUMNS = 8;

/** The phases of both nodes as bars over time, for a terminal of this width. */
export function drawTimeline(job: Job, columns: number): string {
  const charts = chartsOf(job);
  if (charts.length === 0) return 'the job knows of no phases\n';
  return `${charts.map((chart) => drawChart(chart, columns)).join('\n')}\n${legend(job)}`;
}

function drawChart({ title, fromMs, toMs, bars }: Chart, columns: number): string {
  const labels = Math.max(...bars.map((bar) => visibleWidth(printable(bar.label))));
  const room = columns - labels - DURATION_COLUMNS - 4;
  const width = Math.min(AXIS.most, Math.max(AXIS.least, room));
  const lines = bars.map((bar) => {
    const label = printable(bar.label);
    const fill = ' '.repeat(labels - visibleWidth(label));
    const duration = formatMs(bar.endMs - bar.startMs).padStart(DURATION_COLUMNS);
    return `${label}${fill} |${drawBar(bar, { fromMs, toMs, width })}| ${duration}\n`;
  });
  const ends = [`+${formatMs(fromMs)}`, `+${formatMs(toMs)}`] as const;
  const axis = `${' '.repeat(labels + 2)}${ends[0]}${ends[1].padStart(width - ends[0].length)}\n`;
  return `${printable(title)}\n${lines.join('')}${axis}`;
}

/** A phase too short for a column still shows as one. */
function drawBar(
  bar: Bar,
  axis: { readonly fromMs: number; readonly toMs: number; readonly width: number },
): string {
  const { fromMs, toMs, width } = axis;
  const column = (ms: number) => Math.round(((ms - fromMs) / (toMs - fromMs)) * width);
  const start = Math.min(width - 1, Math.max(0, column(bar.startMs)));
  const end = Math.min(width, Math.max(start + 1, column(bar.endMs)));
  return ' '.repeat(start) + FILL[bar.lane].repeat(end - start) + ' '.repeat(width - end);
}

function legend({ source, target }: Job): string {
  const nodes = `${FILL.source} ${printable(source)} (source)   ${FILL.target} ${printable(target)} (target)`;
  return `${nodes}   ${FILL.container} no task runs\n`;
}
