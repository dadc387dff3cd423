import { describe, expect, it } from 'vitest';
import { type Measurement, median, percentile } from '../bench/document.ts';
import { judgeBudgets } from '../bench/report/budgets.ts';
import { renderReport } from '../bench/report/markdown.ts';
import { drawPlot, plotsOf } from '../bench/report/plots.ts';

const took = { part: 'overhead', what: 'start', figure: 'took', unit: 'ms' } as const;
const STARTS: readonly Measurement[] = [
  { ...took, way: 'godwit', values: [30, 26, 28] },
  { ...took, way: 'bare', values: [20, 40, 16] },
];

describe('the figures of a benchmark', () => {
  it('have a median and a percentile', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 0.95)).toBe(95);
    expect(percentile([7], 0.95)).toBe(7);
  });

  it('are held against the budgets that they are about', () => {
    expect(judgeBudgets(STARTS)).toEqual([
      { what: 'start, more than lxc-start', unit: 'ms', limit: '≤ 10', measured: 8, met: true },
    ]);
    const slow = STARTS.map((one) => (one.way === 'godwit' ? { ...one, values: [31] } : one));
    expect(judgeBudgets(slow)).toMatchObject([{ measured: 11, met: false }]);
    const tunnel = { part: 'tunnel', what: '1 MiB', figure: 'throughput', unit: 'MiB/s' } as const;
    const rates: Measurement[] = [
      { ...tunnel, way: 'direct', values: [1000] },
      { ...tunnel, way: 'tunnel', values: [600] },
    ];
    expect(judgeBudgets(rates)).toMatchObject([{ limit: '≥ 0.7', measured: 0.6, met: false }]);
  });
});

describe('the report of a benchmark', () => {
  const document = {
    type: 'io.godwit.v1.bench',
    startedAt: '2026-01-02T03:04:05.000Z',
    endedAt: '2026-01-02T03:05:05.000Z',
    complete: true,
    form: 'full',
    machine: { cpu: 'Some CPU', cores: 2, memoryBytes: 8 * 2 ** 30, kernel: '6.1', loadAtStart: 0.04 },
    versions: { godwit: '1.2.3' },
    measurements: STARTS,
  } as const;

  it('quotes medians, 95th percentiles and the ratio to the bare tool', () => {
    const report = renderReport(document);
    expect(report).toContain('| start | took, ms | 28.0 (30.0) | 20.0 (40.0) | 1.40 |');
    expect(report).toContain('| start, more than lxc-start | ≤ 10 ms | 8.00 ms | yes |');
    expect(report).toContain('A whole run of the full form, 2026-01-02; load 0.0 at its start.');
    expect(report).toContain('![overhead: took, ms](overhead-took.svg)');
  });

  it('has a picture of each figure, the same for the same figures', () => {
    const [plot] = plotsOf(STARTS);
    if (!plot) throw new Error('no plot');
    const svg = drawPlot(plot);
    expect(svg).toContain('28.0 (p95 30.0)');
    expect(svg).toContain('20.0 (p95 40.0)');
    expect(drawPlot(plot)).toBe(svg);
  });
});
