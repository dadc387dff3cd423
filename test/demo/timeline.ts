import type { Job } from '../../protocol/mod.ts';

const WIDTH = 56;

/** The phases of a finished job on both nodes, one bar a phase, on one time axis. */
export function timeline(job: Job): string[] {
  const startMs = job.startedAtMs;
  const endMs = Math.max(job.endedAtMs ?? 0, ...job.phases.map((phase) => phase.endMs ?? phase.startMs));
  const column = (ms: number) => Math.round(((ms - startMs) / Math.max(1, endMs - startMs)) * WIDTH);
  const bars = [...job.phases]
    .sort((a, b) => a.startMs - b.startMs)
    .map((phase) => {
      const from = column(phase.startMs);
      const width = Math.max(1, column(phase.endMs ?? endMs) - from);
      const bar = `${' '.repeat(from)}${'━'.repeat(width)}`.padEnd(WIDTH + 1);
      const ms = Math.round((phase.endMs ?? endMs) - phase.startMs);
      return `    ${phase.node.padEnd(4)}${phase.name.padEnd(10)}${bar}${String(ms).padStart(7)} ms`;
    });
  return [`    ${''.padEnd(14)}0${`${Math.round(endMs - startMs)} ms`.padStart(WIDTH)}`, ...bars];
}
