import type { Job } from '../../protocol/job.ts';
import { formatBytes, formatMs, formatRate } from '../output/format.ts';
import { printable, truncate } from '../output/text.ts';
import type { Terminal } from '../terminal.ts';
import type { Reporter } from './follow.ts';

/** The way a job is shown: a line rewritten in place on a terminal, a line for each new phase otherwise. */
export function createReporter(terminal: Terminal, options: { readonly quiet: boolean }): Reporter {
  return terminal.interactive ? lineReporter(terminal) : logReporter(terminal, options.quiet);
}

/** Phase, round, bytes, rate, dirty rate, expected downtime, ETA: what is known of them, in one line. */
export function progressLine(job: Job): string {
  const { progress } = job;
  const bytes = formatBytes(progress.bytes);
  const parts = [
    printable(`${job.container} ${job.source} -> ${job.target} ${job.mode}: ${progress.phase}`),
    progress.round === undefined ? '' : `round ${progress.round}`,
    progress.totalBytes === undefined ? bytes : `${bytes} of ${formatBytes(progress.totalBytes)}`,
    formatRate(progress.rateBytesPerSecond),
    progress.dirtyRateBytesPerSecond === undefined
      ? ''
      : `dirty ${formatRate(progress.dirtyRateBytesPerSecond)}`,
    progress.expectedDowntimeMs === undefined ? '' : `downtime ~${formatMs(progress.expectedDowntimeMs)}`,
    progress.etaMs === undefined ? '' : `ETA ${formatMs(progress.etaMs)}`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

const CLEAR_LINE = '\r\u001b[K';

function lineReporter(terminal: Terminal): Reporter {
  let last = '';
  return {
    update(job) {
      last = truncate(progressLine(job), terminal.columns() - 1);
      terminal.err(CLEAR_LINE + last);
    },
    say: (text) => terminal.err(`${CLEAR_LINE}godwit: ${printable(text)}\n${last}`),
    end() {
      if (last !== '') terminal.err(CLEAR_LINE);
      last = '';
    },
  };
}

/** Only what is new: each phase once, in its order, also those that began and ended between two events. */
function logReporter(terminal: Terminal, quiet: boolean): Reporter {
  const told = new Set<string>();
  return {
    update(job) {
      for (const phase of quiet ? [] : job.phases) {
        const key = `${phase.node} ${phase.name} ${phase.startMs}`;
        if (told.has(key)) continue;
        told.add(key);
        const afterMs = Math.max(0, phase.startMs - job.startedAtMs);
        const where = `${job.container} ${job.source} -> ${job.target} ${job.mode}`;
        terminal.err(`${printable(`${where}: ${phase.name} on ${phase.node}`)} (+${formatMs(afterMs)})\n`);
      }
    },
    say: (text) => terminal.err(`godwit: ${printable(text)}\n`),
    end: () => undefined,
  };
}
