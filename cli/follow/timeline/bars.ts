import type { Job } from '../../../protocol/job.ts';

/** What one line of a timeline shows: a phase of one node, or the time in which the container stood still. */
export interface Bar {
  readonly label: string;
  /** Whose phase it is; `container` for the one that stood still. */
  readonly lane: 'source' | 'target' | 'container';
  readonly startMs: number;
  readonly endMs: number;
}

/** Bars on one axis; all times are milliseconds since the job was accepted, on the source's clock. */
export interface Chart {
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly bars: readonly Bar[];
}

/** A downtime under this share of the whole job gets a chart of its own: its phases would be too thin to see. */
const CLOSE_UP_BELOW = 1 / 4;
/** What a close-up shows before and after the downtime, as a share of it. */
const MARGIN = 1 / 10;

/**
 * The charts of a job: all of it, and a close-up of the time around the downtime where that is a small part of it. A
 * phase that goes on ends where the job's last known moment is. Empty when the job knows of no phase.
 */
export function chartsOf(job: Job): Chart[] {
  const bars = barsOf(job);
  if (bars.length === 0) return [];
  const toMs = Math.max(1, ...bars.map((bar) => bar.endMs));
  const whole = { title: `${job.container} ${job.source} -> ${job.target}`, fromMs: 0, toMs, bars };
  const still = bars.find((bar) => bar.lane === 'container');
  const stillMs = still ? still.endMs - still.startMs : 0;
  if (!still || stillMs <= 0 || stillMs >= toMs * CLOSE_UP_BELOW) return [whole];
  return [whole, closeUp(bars, still.startMs - stillMs * MARGIN, still.endMs + stillMs * MARGIN)];
}

function barsOf(job: Job): Bar[] {
  const since = (ms: number) => Math.max(0, ms - job.startedAtMs);
  const known = [
    job.startedAtMs,
    job.endedAtMs ?? 0,
    ...job.phases.map((phase) => phase.endMs ?? phase.startMs),
  ];
  const lastMs = Math.max(...known);
  const bars: Bar[] = job.phases.map(({ name, node, startMs, endMs = lastMs }) => ({
    label: `${node} ${name}`,
    lane: node === job.target ? 'target' : 'source',
    startMs: since(startMs),
    endMs: since(Math.max(startMs, endMs)),
  }));
  const { stoppedAtMs, resumedAtMs } = job;
  if (stoppedAtMs !== undefined && resumedAtMs !== undefined)
    bars.push({
      label: 'stands still',
      lane: 'container',
      startMs: since(stoppedAtMs),
      endMs: since(resumedAtMs),
    });
  return bars.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
}

function closeUp(bars: readonly Bar[], fromMs: number, toMs: number): Chart {
  const inside = bars.filter((bar) => bar.endMs >= fromMs && bar.startMs <= toMs);
  return { title: 'around the downtime', fromMs: Math.max(0, fromMs), toMs, bars: inside };
}
