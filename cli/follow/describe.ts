import type { Job } from '../../protocol/job.ts';
import { formatBytes, formatMs } from '../output/format.ts';
import { formatFields, formatTable } from '../output/table.ts';
import { printable } from '../output/text.ts';
import { evacuationTable } from './evacuation.ts';
import { progressLine } from './progress.ts';
import { roundsTable } from './rounds.ts';

/** All that is known of a job, for people: fields, then its phases, its rounds and CRIU's error lines. */
export function describeJob(job: Job): string {
  const fields = formatFields([
    ['job', job.job],
    ['container', job.container],
    ...(job.kind === 'migrate'
      ? ([
          ['move', `${job.source} -> ${job.target}`],
          ['mode', `${job.mode} (${job.modeReason})`],
        ] as const)
      : ([
          [job.kind, `on ${job.node}, ${job.modeReason}`],
          ['checkpoint', job.checkpoint?.id],
          ['stored', job.checkpoint && formatBytes(job.checkpoint.storedBytes)],
        ] as const)),
    ['state', job.outcome ?? job.state],
    ['progress', job.state === 'running' ? progressLine(job) : undefined],
    ['started', new Date(job.startedAtMs).toISOString()],
    ['total', formatMs(job.totalMs)],
    ['freeze', formatMs(job.freezeMs)],
    ['downtime', formatMs(job.downtimeMs)],
    ['exposure', formatMs(job.exposureMs)],
    ['memory', formatBytes(job.bytes.memory)],
    ['images', formatBytes(job.bytes.images)],
    ['rootfs', formatBytes(job.bytes.rootfs)],
    ['resolved', resolution(job)],
    ['error', job.error === undefined ? undefined : `${job.error.code}: ${job.error.message}`],
    ['hint', job.error?.hint],
  ]);
  const warnings = (job.warnings ?? []).map((text) => `warning: ${printable(text)}\n`).join('');
  const log = job.log.map((line) => `criu: ${printable(line)}\n`).join('');
  const evacuation = job.kind === 'evacuate' ? `\n${evacuationTable(job)}` : '';
  return fields + warnings + evacuation + phases(job) + rounds(job) + log;
}

function resolution({ resolved }: Job): string | undefined {
  if (!resolved) return undefined;
  const { keep, force, atMs } = resolved;
  return `an operator kept what is on ${keep}${force ? ', by force' : ''}, at ${new Date(atMs).toISOString()}`;
}

function phases(job: Job): string {
  if (job.phases.length === 0) return '';
  return `\n${formatTable(job.phases, [
    { title: 'PHASE', cell: (phase) => phase.name },
    { title: 'NODE', cell: (phase) => phase.node },
    {
      title: 'AT',
      cell: (phase) => `+${formatMs(Math.max(0, phase.startMs - job.startedAtMs))}`,
      align: 'right',
    },
    {
      title: 'TOOK',
      cell: (phase) => (phase.endMs === undefined ? undefined : formatMs(phase.endMs - phase.startMs)),
      align: 'right',
    },
  ])}`;
}

function rounds(job: Job): string {
  const table = roundsTable(job);
  return table && `\n${table}`;
}
