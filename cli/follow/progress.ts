import type { Job, Progress } from '../../protocol/job.ts';
import { formatBytes, formatMs, formatRate } from '../output/format.ts';
import { queueWords } from '../output/queue.ts';
import { printable, truncate } from '../output/text.ts';
import type { Terminal } from '../terminal.ts';
import type { Reporter } from './follow.ts';
import { roundLine } from './rounds.ts';

/** The way a job is shown: a line rewritten in place on a terminal, a line for each new phase otherwise. */
export function createReporter(terminal: Terminal, options: { readonly quiet: boolean }): Reporter {
  return terminal.interactive ? lineReporter(terminal) : logReporter(terminal, options.quiet);
}

/** What a job is about: `web n1 -> n2`, `checkpoint of web`. */
export function subjectOf({ kind, container, node, source, target }: Job): string {
  if (kind === 'evacuate') return `evacuation of ${node}`;
  return kind === 'migrate' ? `${container} ${source} -> ${target}` : `${kind} of ${container}`;
}

/** Phase, round, bytes, what remains, rate, dirty rate, expected downtime, ETA: what is known of them, in one line. */
export function progressLine(job: Job): string {
  const { progress } = job;
  const waits = queueWords(job);
  if (waits !== undefined) return printable(`${subjectOf(job)}: ${waits}`);
  const bytes = formatBytes(progress.bytes);
  const parts = [
    printable(`${subjectOf(job)}${job.kind === 'migrate' ? ` ${job.mode}` : ''}: ${progress.phase}`),
    roundWords(job),
    progress.totalBytes === undefined ? bytes : `${bytes} of ${formatBytes(progress.totalBytes)}`,
    remaining(progress) > 0 ? `${formatBytes(remaining(progress))} left` : '',
    formatRate(progress.rateBytesPerSecond),
    progress.dirtyRateBytesPerSecond === undefined
      ? ''
      : `dirty ${formatRate(progress.dirtyRateBytesPerSecond)}`,
    progress.expectedDowntimeMs === undefined ? '' : `downtime ~${formatMs(progress.expectedDowntimeMs)}`,
    etaWords(progress),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** Which round, where the phase does not say it itself; how many there were, once they are over. */
function roundWords({ progress, rounds }: Job): string {
  const { round, phase } = progress;
  if (round === undefined || phase === `round ${round}`) return '';
  const over = rounds.some(({ index }) => index === round);
  return over ? `after ${round} ${round === 1 ? 'round' : 'rounds'}` : `round ${round}`;
}

function remaining({ totalBytes = 0, bytes }: Progress): number {
  return Math.max(0, totalBytes - bytes);
}

/** As the node tells it, else by what remains and the present rate. */
function etaWords(progress: Progress): string {
  const { etaMs, rateBytesPerSecond } = progress;
  if (etaMs !== undefined) return `ETA ${formatMs(etaMs)}`;
  const left = remaining(progress);
  return left > 0 && rateBytesPerSecond > 0 ? `ETA ${formatMs((left / rateBytesPerSecond) * 1000)}` : '';
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

/** Only what is new: each phase and each round once, in their order, also those that passed between two events. */
function logReporter(terminal: Terminal, quiet: boolean): Reporter {
  const told = new Set<string>();
  return {
    update(job) {
      const where = job.kind === 'migrate' ? `${subjectOf(job)} ${job.mode}` : subjectOf(job);
      for (const { key, text } of quiet ? [] : remarks(job)) {
        if (told.has(key)) continue;
        told.add(key);
        terminal.err(`${printable(`${where}: ${text}`)}\n`);
      }
    },
    say: (text) => terminal.err(`godwit: ${printable(text)}\n`),
    end: () => undefined,
  };
}

/** Phases in their order; a round's figures come right after the phase it is, or else at the end. */
function remarks({ phases, rounds, startedAtMs }: Job): { readonly key: string; readonly text: string }[] {
  const figures = new Map(
    rounds.map((round) => [
      `round ${round.index}`,
      { key: `figures ${round.index}`, text: roundLine(round) },
    ]),
  );
  const found = phases.flatMap(({ name, node, startMs }) => {
    const text = `${name} on ${node} (+${formatMs(Math.max(0, startMs - startedAtMs))})`;
    const figure = figures.get(name);
    figures.delete(name);
    return [{ key: `${node} ${name} ${startMs}`, text }, ...(figure ? [figure] : [])];
  });
  return [...found, ...figures.values()];
}
