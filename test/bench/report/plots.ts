import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { choose, type Measurement, median, percentile } from '../document.ts';

const WIDTH = 820;
const ROW_HEIGHT = 46;
const FRAME_HEIGHT = 110;

/** A picture of one figure of one part. */
export interface Plot {
  readonly part: string;
  readonly title: string;
  readonly file: string;
  readonly measurements: readonly Measurement[];
}

echarts.use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** The pictures of a report: one for each figure of a part that was measured in several ways or of several things. */
export function plotsOf(all: readonly Measurement[]): Plot[] {
  const kinds = new Map<string, Measurement[]>();
  for (const one of all) {
    // What only one way tells of has nothing to stand beside.
    if (one.figure.startsWith('of it: ')) continue;
    const key = `${one.part}: ${one.figure}, ${one.unit}`;
    kinds.set(key, [...(kinds.get(key) ?? []), one]);
  }
  return [...kinds]
    .filter(([, measurements]) => measurements.length > 1)
    .map(([title, measurements]) => {
      const { part, figure } = measurements[0] as Measurement;
      return {
        part,
        title,
        file: `${part}-${figure.replaceAll(/\W+/g, '-')}.svg`.toLowerCase(),
        measurements,
      };
    });
}

/** Draws medians as bars; the 95th percentile stands beside. */
export function drawPlot({ title, measurements }: Plot): string {
  const whats = [...new Set(measurements.map((one) => one.what))];
  const ways = [...new Set(measurements.map((one) => one.way))];
  const height = FRAME_HEIGHT + whats.length * ROW_HEIGHT;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const valuesOf = (what: string, way: string) => choose(measurements, { what, way })[0]?.values ?? [];
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 10, textStyle: { fontSize: 14 } },
    legend: { top: 28, data: ways },
    grid: {
      left: 10,
      right: 70,
      top: 60,
      bottom: 10,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: { type: 'value' },
    yAxis: { type: 'category', inverse: true, data: whats },
    series: ways.map((way) => ({
      name: way,
      type: 'bar',
      data: whats.map((what) => Number(median(valuesOf(what, way)).toFixed(2))),
      label: {
        show: true,
        position: 'right',
        formatter: ({ dataIndex }: { dataIndex: number }) => label(valuesOf(whats[dataIndex] as string, way)),
      },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${withoutHover(svg)}\n`;
}

/** Styles for a pointer that hovers have names with counters in them, which would make every picture of a process another one. */
function withoutHover(svg: string): string {
  return svg.replaceAll(/ class="zr[^"]*"/g, '').replaceAll(/<style ?>.*?<\/style>\n?/gs, '');
}

/** "412 (p95 430)"; nothing where a way was not measured. */
function label(values: readonly number[]): string {
  if (values.length === 0) return '';
  const digits = median(values) >= 100 ? 0 : 1;
  return `${median(values).toFixed(digits)} (p95 ${percentile(values, 0.95).toFixed(digits)})`;
}
