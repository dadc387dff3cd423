import type { Job } from '../../../protocol/job.ts';
import { formatMs } from '../../output/format.ts';
import { printable } from '../../output/text.ts';
import { type Bar, type Chart, chartsOf } from './bars.ts';

/** All lengths in pixels. */
const SIZE = { width: 960, label: 170, duration: 80, row: 20, bar: 14, head: 26, foot: 24, gap: 14 } as const;
const AXIS = SIZE.width - SIZE.label - SIZE.duration;
const TICKS = 5;
const COLOUR = { source: '#4c78a8', target: '#59a14f', container: '#e15759' } as const;
/** A phase too short to be seen still gets this much. */
const THINNEST = 1.5;

/** The phases of both nodes as bars over time: one SVG document that needs no font, script or style from elsewhere. */
export function timelineSvg(job: Job): string {
  const parts: string[] = [];
  let top = 0;
  for (const chart of chartsOf(job)) {
    parts.push(drawChart(chart, top));
    top += SIZE.head + chart.bars.length * SIZE.row + SIZE.foot + SIZE.gap;
  }
  const height = Math.max(SIZE.head, top - SIZE.gap);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('')}</svg>
`;
}

function drawChart(chart: Chart, top: number): string {
  const first = top + SIZE.head;
  const last = first + chart.bars.length * SIZE.row;
  const rows = chart.bars.map((bar, at) => drawRow(chart, bar, first + at * SIZE.row));
  return text(8, top + 17, chart.title, ' font-weight="bold"') + drawAxis(chart, first, last) + rows.join('');
}

function drawAxis({ fromMs, toMs }: Chart, first: number, last: number): string {
  const lines: string[] = [];
  for (let tick = 0; tick <= TICKS; tick++) {
    const x = SIZE.label + (AXIS * tick) / TICKS;
    const at = formatMs(fromMs + ((toMs - fromMs) * tick) / TICKS);
    lines.push(`<line x1="${px(x)}" y1="${first}" x2="${px(x)}" y2="${last}" stroke="#ddd"/>\n`);
    lines.push(text(x, last + 15, `+${at}`, ' text-anchor="middle" fill="#666"'));
  }
  return lines.join('');
}

function drawRow({ fromMs, toMs }: Chart, bar: Bar, y: number): string {
  const place = (ms: number) =>
    SIZE.label + (AXIS * (Math.min(toMs, Math.max(fromMs, ms)) - fromMs)) / (toMs - fromMs);
  const x = place(bar.startMs);
  const width = Math.max(THINNEST, place(bar.endMs) - x);
  const box = `x="${px(x)}" y="${y + 3}" width="${px(width)}" height="${SIZE.bar}"`;
  return (
    text(SIZE.label - 8, y + 14, bar.label, ' text-anchor="end"') +
    `<rect ${box} fill="${COLOUR[bar.lane]}"/>\n` +
    text(SIZE.label + AXIS + 8, y + 14, formatMs(bar.endMs - bar.startMs))
  );
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${px(x)}" y="${px(y)}"${more}>${escaped(printable(words))}</text>\n`;
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
