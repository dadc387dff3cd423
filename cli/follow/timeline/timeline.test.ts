import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../protocol/job.ts';
import { endedJob } from '../../../test/support/messages.ts';
import { chartsOf } from './bars.ts';
import { drawTimeline } from './draw.ts';
import { timelineSvg } from './svg.ts';

const T = 1_700_000_000_000;
const phase = (node: string, name: string, fromMs: number, toMs?: number) => ({
  name,
  node,
  startMs: T + fromMs,
  ...(toMs === undefined ? {} : { endMs: T + toMs }),
});

function moved(part: Partial<Job> = {}): Job {
  return endedJob('done', {
    startedAtMs: T,
    endedAtMs: T + 1_000,
    stoppedAtMs: T + 400,
    resumedAtMs: T + 800,
    phases: [
      phase('n1', 'preflight', 0, 200),
      phase('n1', 'dump', 400, 500),
      phase('n2', 'resume', 700, 800),
    ],
    ...part,
  });
}

describe('chartsOf', () => {
  it('orders phases and the standstill by their start, relative to the job', () => {
    const [chart, ...more] = chartsOf(moved());
    expect(more).toEqual([]);
    expect(chart?.bars.map(({ label, lane, startMs, endMs }) => [label, lane, startMs, endMs])).toEqual([
      ['n1 preflight', 'source', 0, 200],
      ['n1 dump', 'source', 400, 500],
      ['stands still', 'container', 400, 800],
      ['n2 resume', 'target', 700, 800],
    ]);
  });

  it('adds a close-up of a downtime that is a small part of the whole', () => {
    const job = moved({ phases: [phase('n1', 'round', 0, 300), phase('n1', 'dump', 400, 9_000)] });
    const [whole, close] = chartsOf(job);
    expect(whole?.toMs).toBe(9_000);
    expect(close).toMatchObject({ fromMs: 360, toMs: 840 });
    expect(close?.bars.map((bar) => bar.label)).toEqual(['stands still', 'n1 dump']);
  });

  it('lets a phase that goes on end at the last known moment', () => {
    const { endedAtMs: _ended, ...running } = moved({
      phases: [phase('n1', 'a', 0, 500), phase('n1', 'b', 100)],
    });
    expect(chartsOf(running)[0]?.bars.find((bar) => bar.label === 'n1 b')?.endMs).toBe(500);
  });
});

describe('drawTimeline', () => {
  it('draws bars of the right length in the right place', () => {
    expect(drawTimeline(moved(), 44)).toBe(
      `web n1 -> n2
n1 preflight |#####               |   200 ms
n1 dump      |          ###       |   100 ms
stands still |          !!!!!!!!!!|   400 ms
n2 resume    |                  ==|   100 ms
              +0 ms        +800 ms

# n1 (source)   = n2 (target)   ! no task runs
`,
    );
  });

  it('shows a phase that is too short for a column', () => {
    const job = moved({ phases: [phase('n1', 'a', 0, 800), phase('n1', 'blink', 799, 799)] });
    expect(drawTimeline(job, 60)).toMatch(/n1 blink +\| +#\| +0 ms/);
  });

  it('says that there is nothing to draw', () => {
    const { stoppedAtMs: _stopped, ...job } = moved({ phases: [] });
    expect(drawTimeline(job, 80)).toBe('the job knows of no phases\n');
  });
});

describe('timelineSvg', () => {
  it('is well-formed XML, whatever the names are', () => {
    const svg = timelineSvg(moved({ container: 'a<b>&"c', phases: [phase('n1', 'x&<y', 0, 10)] }));
    execFileSync('xmllint', ['--noout', '-'], { input: svg });
    expect(svg).toContain('x&amp;&lt;y');
  });

  it('keeps every bar inside the picture', () => {
    const svg = timelineSvg(
      moved({ phases: [phase('n1', 'round', 0, 300), phase('n1', 'dump', 400, 9_000)] }),
    );
    for (const [, x, width] of svg.matchAll(/<rect x="([\d.]+)" .*width="([\d.]+)"/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(170);
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(880 + 2);
    }
  });
});
