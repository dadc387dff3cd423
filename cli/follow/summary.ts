import { CATALOGUE, fromWire, type GodwitError } from '../../protocol/errors.ts';
import { exitCodeOf, type Job } from '../../protocol/job.ts';
import { documentOf } from '../../protocol/job-results.ts';
import type { Context } from '../context.ts';
import { writeError } from '../output/error.ts';
import { formatBytes, formatMs } from '../output/format.ts';
import { formatFields } from '../output/table.ts';
import { printable } from '../output/text.ts';
import { evacuationSummary, evacuationTable } from './evacuation.ts';
import { subjectOf } from './progress.ts';
import { roundsTable } from './rounds.ts';

/**
 * Writes how a job ended and returns the exit code: a summary on stdout, or its result document with --json;
 * for people, what went wrong goes to stderr.
 */
export async function writeEnd(
  context: Context,
  job: Job,
  options: { readonly ndjson: boolean },
): Promise<number> {
  const result = documentOf(job);
  const { terminal } = context;
  if (options.ndjson) terminal.out(`${JSON.stringify(result)}\n`);
  else if (context.json) terminal.out(`${JSON.stringify(result, undefined, 2)}\n`);
  else if (result.outcome === 'done') terminal.out(summary(job));
  else writeFailure(context, job);
  return exitCodeOf(result.outcome, result.error);
}

/** One paragraph: what was done, how, and what it cost. */
export function summary(job: Job): string {
  if (job.kind === 'evacuate') return evacuationSummary(job);
  return job.kind === 'migrate' ? moveSummary(job) : storeSummary(job);
}

/** From where to where; then the rounds, if there were any. */
function moveSummary(job: Job): string {
  const { container, source, target, mode, rounds, bytes } = job;
  const extra = rounds.length > 0 ? `, ${rounds.length} ${rounds.length === 1 ? 'round' : 'rounds'}` : '';
  const head = printable(
    `${container} moved ${source} -> ${target} (${mode}${extra}) in ${formatMs(job.totalMs)}`,
  );
  const moved = [
    `${formatBytes(bytes.memory)} memory`,
    `${formatBytes(bytes.images)} images`,
    ...(bytes.rootfs > 0 ? [`${formatBytes(bytes.rootfs)} rootfs`] : []),
  ];
  return `${head}\n${indent(
    formatFields([
      ['downtime', formatMs(job.downtimeMs)],
      ['exposure', formatMs(job.exposureMs)],
      ['moved', moved.join(', ')],
      ['job', job.job],
    ]) + roundsTable(job),
  )}`;
}

/** Into the store, or out of it. */
function storeSummary(job: Job): string {
  const { container, node, bytes, checkpoint } = job;
  const restored = job.kind === 'restore';
  const [id, took] = [checkpoint?.id ?? '-', formatMs(job.totalMs)];
  const head = restored
    ? `${container} runs on ${node} again, from ${id}, after ${took}`
    : `${container} is in the store as ${id}, after ${took}`;
  const size = `${formatBytes(bytes.memory + bytes.images + bytes.rootfs)}, ${formatBytes(checkpoint?.storedBytes)} in the store`;
  const stands = job.resumedAtMs === undefined ? 'stopped' : 'runs on';
  return `${printable(head)}\n${indent(
    formatFields([
      ['container', restored ? undefined : stands],
      ['downtime', job.downtimeMs === undefined ? undefined : formatMs(job.downtimeMs)],
      ['size', size],
      ['job', job.job],
    ]),
  )}`;
}

/** What the outcome means for the container, when the job itself gives no error. */
const MEANING = {
  done: 'the move is done',
  failed: 'the move failed; the container runs on at the source',
  aborted: 'the move was aborted; the container runs on at the source',
  refused: 'the move was refused; the container runs on at the source',
  timeout: 'the move took too long and was undone; the container runs on at the source',
  'in-doubt': 'the outcome is unknown; the container stays frozen so that nothing runs twice',
  lost: 'the container is lost',
} as const;

function writeFailure(context: Context, job: Job): void {
  const { terminal } = context;
  const outcome = job.outcome ?? 'in-doubt';
  const error = job.error === undefined ? undefined : knownError(job.error);
  if (error === undefined) {
    const text = job.error === undefined ? MEANING[outcome] : `${MEANING[outcome]} (${job.error.message})`;
    terminal.err(`godwit: ${printable(text)}\n`);
  } else {
    writeError(terminal, error, { json: false });
  }
  if (job.kind === 'evacuate') terminal.err(evacuationTable(job));
  for (const line of job.log) terminal.err(`  criu: ${printable(line)}\n`);
  terminal.err(`${printable(`job ${job.job}: ${subjectOf(job)}, ${outcome}`)}\n`);
}

function knownError(wire: NonNullable<Job['error']>): GodwitError | undefined {
  return Object.hasOwn(CATALOGUE, wire.code) ? fromWire(wire) : undefined;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}
